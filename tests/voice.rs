//! Emma's voice with the real models, heard by whisper. Needs the model files (`emma models pull`) and `espeak-ng`.

use std::sync::Arc;
use std::time::Duration;

use emma::screening::calls::domain::ports::{
    HeardWord, Priority, SpeechChunk, SpeechError, SpeechRequest, SpeechToText, TextToSpeech, TranscriptionJob,
};
use emma::screening::calls::domain::speakable::speakable;
use emma::screening::calls::infrastructure::transcriber::{LocalTranscriber, Patience};
use emma::screening::calls::infrastructure::voice::choice::{VoiceEngine, VoiceSettings, open};
use emma::screening::calls::infrastructure::voice::queue::VoiceQueue;
use emma::screening::calls::infrastructure::voice_cache::CachedVoice;
use emma::screening::calls::infrastructure::whisper::{Whisper, WhisperConfig};
use emma::shared::models::{ModelDir, ModelFile};
use emma::shared::onnx::OnnxRuntime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an interviewer says, as it is written.
const LINES: [&str; 15] = [
    "Hi, I'm Emma, an automated interviewer. Thank you for taking the time to speak with me today.",
    "Could you tell me about a time when you had to debug a difficult problem in production?",
    "Great, thank you.",
    "How many years have you worked with Kubernetes and PostgreSQL?",
    "The role is fully remote, and the salary is $3,000-4,500 / month.",
    "You mentioned **REST** APIs; which of them did you design yourself?",
    "I'm sorry, I didn't catch that. Could you say it again, please?",
    "Take your time, there's no rush.",
    "What would your last manager say about how you work with the rest of the team?",
    "Have you used AWS, Docker, or any other cloud tools?",
    "That's all I wanted to ask. Do you have any questions for me about the job?",
    "The interview usually takes about 12 minutes, and you can stop at any time.",
    "Which of the two would you prefer, and why?",
    "When could you start, and are you free on March 5th at 14:30?",
    "A recruiter will get back to you within 5 working days. Goodbye!",
];

fn models() -> ModelDir {
    ModelDir::default_location()
}

async fn voice(engine: VoiceEngine) -> VoiceQueue {
    let runtime = OnnxRuntime::load(&models()).expect("the runtime is there");
    open(runtime, models(), VoiceSettings::new(std::env::temp_dir()), engine)
        .await
        .expect("the models are there")
}

fn whisper() -> LocalTranscriber {
    let model = models().require(ModelFile::WhisperTinyEn).expect("the model is there");
    let config = WhisperConfig::new(model);
    let patience = Patience {
        timeout: Duration::from_mins(5),
        ..Patience::default()
    };
    LocalTranscriber::start(Whisper::load(&config).expect("whisper loads"), patience).expect("its thread starts")
}

fn request(text: &str, priority: Priority) -> SpeechRequest {
    SpeechRequest {
        text: text.into(),
        voice: "af_heart".into(),
        speed: 1.0,
        priority,
    }
}

type Chunks = mpsc::Receiver<Result<SpeechChunk, SpeechError>>;

async fn collect(mut chunks: Chunks) -> (Vec<i16>, Vec<HeardWord>) {
    let (mut pcm, mut words) = (Vec::new(), Vec::new());
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk.expect("rendered");
        pcm.extend_from_slice(&chunk.pcm);
        words.extend(chunk.words);
    }
    (pcm, words)
}

async fn say(voice: &dyn TextToSpeech, text: &str) -> (Vec<i16>, Vec<HeardWord>) {
    collect(voice.speak(request(text, Priority::Live)).await.expect("accepted")).await
}

async fn hear(whisper: &LocalTranscriber, pcm: &[i16]) -> String {
    // 48 kHz to 16 kHz: the mean of three is filter enough for speech.
    let audio: Vec<f32> = pcm
        .chunks(3)
        .map(|c| c.iter().map(|s| f32::from(*s)).sum::<f32>() / (c.len() as f32 * 32_768.0))
        .collect();
    let job = TranscriptionJob {
        audio: audio.into(),
        priority: Priority::Live,
        language: "en".into(),
        context: String::new(),
        speech_ms: None,
        cancel: CancellationToken::new(),
    };
    whisper.transcribe(job).await.expect("transcribed").text
}

/// Words without marks; what can be written in two ways is written in one.
fn words_of(text: &str) -> Vec<String> {
    let spoken = speakable(text)
        .to_lowercase()
        .replace('-', " ")
        .replace("postgres ql", "postgresql")
        .replace("good bye", "goodbye");
    spoken
        .split_whitespace()
        .map(|word| {
            word.chars()
                .filter(|c| c.is_alphanumeric() || *c == '\'')
                .collect::<String>()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// Words that were heard wrong, left out or added: the Levenshtein distance.
fn errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, other) in heard.iter().enumerate() {
            let replaced = corner + usize::from(word != other);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[heard.len()]
}

/// Says all lines and has them heard; the share of words heard wrong.
async fn word_error_rate(voice: &dyn TextToSpeech) -> f64 {
    let whisper = whisper();
    let (mut wrong, mut total) = (0, 0);
    for line in LINES {
        let text = speakable(line);
        let (pcm, words) = say(voice, &text).await;
        check_timing(&text, &pcm, &words);
        let heard = hear(&whisper, &pcm).await;
        let (said, heard_words) = (words_of(&text), words_of(&heard));
        let missed = errors(&said, &heard_words);
        if missed > 0 {
            eprintln!("said  {text}\nheard {heard}");
        }
        wrong += missed;
        total += said.len();
    }
    eprintln!("{wrong} of {total} words wrong");
    f64::from(u32::try_from(wrong).expect("few")) / f64::from(u32::try_from(total).expect("few"))
}

/// Words are those of the text, in order, within the audio, and the audio is neither silent nor clipped.
fn check_timing(text: &str, pcm: &[i16], words: &[HeardWord]) {
    let audio_ms = pcm.len() as u64 / 48;
    assert_eq!(
        words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(),
        text.split_whitespace().collect::<Vec<_>>()
    );
    for pair in words.windows(2) {
        assert!(
            pair[0].start_ms < pair[0].end_ms && pair[0].end_ms <= pair[1].start_ms,
            "{pair:?}"
        );
    }
    let last = words.last().expect("words");
    assert!(
        last.end_ms <= audio_ms && last.end_ms + 400 > audio_ms,
        "{last:?} of {audio_ms} ms"
    );
    let peak = pcm.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
    assert!((6_000..32_700).contains(&peak), "peak {peak}");
    let loud = |sample: &i16| sample.unsigned_abs() > 300;
    let lead_ms = pcm.iter().position(loud).expect("sound") / 48;
    let tail_ms = pcm.iter().rev().position(loud).expect("sound") / 48;
    assert!(lead_ms <= 60, "{lead_ms} ms of silence in front");
    assert!((100..400).contains(&tail_ms), "{tail_ms} ms of silence behind");
}

// spec: EMMA-7
#[tokio::test]
async fn kokoro_is_understood() {
    let rate = word_error_rate(&voice(VoiceEngine::Kokoro).await).await;
    assert!(rate <= 0.02, "{:.1} % of the words were heard wrong", rate * 100.0);
}

#[tokio::test]
async fn piper_is_understood_and_streams() {
    let voice = voice(VoiceEngine::Piper).await;
    let mut chunks = voice.speak(request(LINES[1], Priority::Live)).await.expect("accepted");
    let first = chunks.recv().await.expect("audio").expect("rendered");
    let (rest, _) = collect(chunks).await;
    assert!(
        first.pcm.len() < rest.len() / 4,
        "the first audio comes long before the last"
    );
    let rate = word_error_rate(&voice).await;
    assert!(rate <= 0.06, "{:.1} % of the words were heard wrong", rate * 100.0);
}

#[tokio::test]
async fn live_speech_goes_before_what_is_prepared_and_a_dropped_request_stops() {
    let voice = voice(VoiceEngine::Kokoro).await;
    let unwanted = voice
        .speak(request(LINES[0], Priority::Background))
        .await
        .expect("accepted");
    let prepared = voice
        .speak(request(LINES[8], Priority::Background))
        .await
        .expect("accepted");
    drop(unwanted);
    let live = voice.speak(request("Great.", Priority::Live)).await.expect("accepted");
    let (first, second) = tokio::join!(
        async {
            let heard = collect(live).await;
            (tokio::time::Instant::now(), heard)
        },
        async {
            let heard = collect(prepared).await;
            (tokio::time::Instant::now(), heard)
        }
    );
    assert!(first.0 < second.0, "live is done first");
    assert!(!first.1.0.is_empty() && second.1.0.len() > first.1.0.len());
}

#[tokio::test]
async fn a_text_longer_than_the_model_takes_is_said_to_its_end() {
    let voice = voice(VoiceEngine::Kokoro).await;
    let long = "We listen to what you say and we never rush you ".repeat(5);
    let (pcm, words) = say(&voice, long.trim()).await;
    assert_eq!(words.len(), 5 * 11);
    assert!(words.windows(2).all(|pair| pair[0].end_ms <= pair[1].start_ms));
    assert!(pcm.len() > 48_000 * 9, "{} s", pcm.len() / 48_000);
}

// spec: EMMA-7
#[tokio::test]
async fn a_prepared_line_comes_at_once_and_sounds_the_same() {
    let engine = Arc::new(voice(VoiceEngine::Kokoro).await);
    let dir = tempfile::tempdir().expect("a directory");
    let tasks = TaskTracker::new();
    let cache = || CachedVoice::open(engine.clone(), "kokoro", dir.path(), emma_limits(), tasks.clone()).map(Arc::new);
    let line = "Take your time, there's no rush.";
    let progress = cache()
        .expect("opened")
        .prepare(vec![line.to_owned()], "af_heart", 1.0)
        .finished()
        .await;
    assert_eq!((progress.done, progress.failed), (1, 0));
    // A cache just opened has nothing in memory: the first comes from disk, the second from memory.
    let voice = cache().expect("opened");
    let mut heard = Vec::new();
    for _ in 0..2 {
        let started = tokio::time::Instant::now();
        let mut chunks = voice.speak(request(line, Priority::Live)).await.expect("accepted");
        let first = chunks.recv().await.expect("audio").expect("rendered");
        // Rendering takes most of a second here; a busy machine reads a file in far less than this.
        assert!(
            started.elapsed() < Duration::from_millis(250),
            "{:?}",
            started.elapsed()
        );
        let (rest, words) = collect(chunks).await;
        heard.push(([first.pcm.to_vec(), rest].concat(), [first.words, words].concat()));
    }
    assert_eq!(heard[0], heard[1]);
    let rendered = say(engine.as_ref(), line).await;
    assert_eq!(heard[0].1, rendered.1);
    assert_eq!(heard[0].0.len(), rendered.0.len());
}

fn emma_limits() -> emma::screening::calls::infrastructure::voice_cache::store::Limits {
    emma::screening::calls::infrastructure::voice_cache::store::Limits::default()
}
