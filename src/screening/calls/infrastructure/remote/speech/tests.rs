use std::sync::Mutex;

use super::*;

/// Says each word in 100 ms; fails after so many words, if at all.
struct Fake {
    fails_after: Option<(usize, SpeechError)>,
    /// Tells times with every word, else at the end only.
    tells_times: bool,
    asked: Mutex<Vec<(String, String)>>,
}

impl Fake {
    fn new(fails_after: Option<(usize, SpeechError)>) -> Arc<Self> {
        Arc::new(Self {
            fails_after,
            tells_times: true,
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .map(|(text, _)| text.clone())
            .collect()
    }
}

#[async_trait]
impl TextToSpeech for Fake {
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        self.asked.lock().unwrap().push((request.text.clone(), request.voice));
        let (sender, receiver) = mpsc::channel(64);
        for (index, word) in request.text.split_whitespace().enumerate() {
            if let Some((after, error)) = &self.fails_after
                && index == *after
            {
                if index == 0 {
                    return Err(error.clone());
                }
                if *error == SpeechError::TimedOut {
                    // Never says another word.
                    tokio::spawn(async move { sender.closed().await });
                } else {
                    sender.try_send(Err(error.clone())).unwrap();
                }
                return Ok(receiver);
            }
            let word = HeardWord {
                text: word.to_owned(),
                start_ms: index as u64 * 100,
                end_ms: index as u64 * 100 + 100,
                confidence: 1.0,
            };
            let words = if self.tells_times { vec![word] } else { vec![] };
            let pcm = vec![index as i16; 4_800].into();
            sender.try_send(Ok(SpeechChunk { pcm, words })).unwrap();
        }
        Ok(receiver)
    }
}

fn failed() -> SpeechError {
    SpeechError::Failed("down".to_owned())
}

fn remote(name: &'static str, tts: &Arc<Fake>) -> RemoteVoice {
    RemoteVoice {
        tts: tts.clone(),
        voice: format!("voice of {name}"),
        circuit: Arc::new(Circuit::new(name)),
        patience: Duration::from_secs(2),
    }
}

fn chain(remote: Vec<RemoteVoice>, embedded: &Arc<Fake>) -> FallbackSpeech {
    FallbackSpeech::new(remote, embedded.clone(), TaskTracker::new())
}

/// What is heard: words with their start, and the length of the audio in ms.
async fn hear(voice: &dyn TextToSpeech, text: &str) -> Result<(Vec<(String, u64)>, u64), SpeechError> {
    let request = SpeechRequest {
        text: text.to_owned(),
        voice: "emma".to_owned(),
        speed: 1.0,
        priority: Priority::Live,
    };
    let mut chunks = voice.speak(request).await?;
    let (mut words, mut samples) = (Vec::new(), 0);
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk?;
        samples += chunk.pcm.len() as u64;
        words.extend(chunk.words.into_iter().map(|w| (w.text, w.start_ms)));
    }
    Ok((words, samples / 48))
}

fn said(words: &[(String, u64)]) -> String {
    words
        .iter()
        .map(|(word, _)| word.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

const SENTENCE: &str = "We are a small team, you would work with all of us, and you would learn.";

// spec: CALL-10
#[tokio::test(start_paused = true)]
async fn a_sentence_is_said_by_the_first_voice_that_works_with_a_voice_of_its_own() {
    let (first, second, embedded) = (Fake::new(Some((0, failed()))), Fake::new(None), Fake::new(None));
    let voice = chain(vec![remote("a", &first), remote("b", &second)], &embedded);
    let (words, ms) = hear(&voice, SENTENCE).await.unwrap();
    assert_eq!((said(&words).as_str(), ms), (SENTENCE, 1_600));
    assert_eq!(second.asked.lock().unwrap()[0].1, "voice of b");
    assert!(embedded.asked().is_empty());
}

// spec: CALL-10
#[tokio::test(start_paused = true)]
async fn a_voice_that_dies_in_the_middle_is_followed_from_the_clause_that_was_cut() {
    for error in [
        failed(),
        SpeechError::TimedOut,
        SpeechError::RateLimited { retry_after: None },
    ] {
        let (first, embedded) = (Fake::new(Some((8, error))), Fake::new(None));
        let voice = chain(vec![remote("a", &first)], &embedded);
        let (words, ms) = hear(&voice, SENTENCE).await.unwrap();
        assert_eq!(said(&words), SENTENCE, "every word is in the transcript once");
        assert_eq!(
            embedded.asked(),
            ["you would work with all of us, and you would learn."]
        );
        assert_eq!(embedded.asked.lock().unwrap()[0].1, "emma");
        assert_eq!(words[5], ("you".to_owned(), 800), "its time is where it is heard");
        assert_eq!(ms, 800 + 1_100);
    }
}

// spec: CALL-10
#[tokio::test(start_paused = true)]
async fn a_voice_without_times_is_followed_by_an_estimate() {
    let first = Arc::new(Fake {
        fails_after: Some((15, failed())),
        tells_times: false,
        asked: Mutex::default(),
    });
    let embedded = Fake::new(None);
    let voice = chain(vec![remote("a", &first)], &embedded);
    // 1.5 s at 65 ms a character: the first clause is out, the second is not.
    let (words, _) = hear(&voice, SENTENCE).await.unwrap();
    assert_eq!(said(&words), SENTENCE);
    assert_eq!(
        embedded.asked(),
        ["you would work with all of us, and you would learn."]
    );
}

// spec: CALL-10
#[tokio::test(start_paused = true)]
async fn a_whole_sentence_that_lacks_its_end_is_not_said_again() {
    let (first, embedded) = (Fake::new(None), Fake::new(None));
    let cut = Arc::new(Cut(first));
    let voice = FallbackSpeech::new(
        vec![RemoteVoice {
            tts: cut,
            ..remote("a", &embedded)
        }],
        embedded.clone(),
        TaskTracker::new(),
    );
    let (words, _) = hear(&voice, "All is said.").await.unwrap();
    assert_eq!(said(&words), "All is said.");
    assert!(embedded.asked().is_empty());
}

/// Fails behind the last word.
struct Cut(Arc<Fake>);

#[async_trait]
impl TextToSpeech for Cut {
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        let mut whole = self.0.speak(request).await?;
        let (sender, receiver) = mpsc::channel(64);
        while let Some(chunk) = whole.recv().await {
            sender.try_send(chunk).unwrap();
        }
        sender.try_send(Err(SpeechError::TimedOut)).unwrap();
        Ok(receiver)
    }
}

// spec: CALL-10
#[tokio::test(start_paused = true)]
async fn a_refused_key_is_asked_once_and_the_embedded_voice_says_everything() {
    let (first, embedded) = (Fake::new(Some((0, SpeechError::KeyRefused))), Fake::new(None));
    let voice = chain(vec![remote("a", &first)], &embedded);
    for _ in 0..5 {
        hear(&voice, "Hello there.").await.unwrap();
        tokio::time::advance(Duration::from_hours(1)).await;
    }
    assert_eq!((first.asked().len(), embedded.asked().len()), (1, 5));
}

// spec: CALL-10
#[tokio::test(start_paused = true)]
async fn a_voice_that_says_nothing_is_a_failure_and_so_is_an_embedded_one_that_cannot() {
    let (silent, embedded) = (Fake::new(None), Fake::new(Some((0, failed()))));
    let voice = chain(vec![remote("a", &silent)], &embedded);
    assert_eq!(hear(&voice, " ").await, Ok((vec![], 0)), "nothing was to be said");
    assert_eq!(
        hear(&chain(vec![remote("b", &embedded)], &embedded), "Hello.").await,
        Err(failed())
    );
}
