use std::sync::Arc;
use std::sync::Mutex;

use tokio::sync::mpsc;

use super::*;
use crate::screening::calls::domain::ports::SpeechChunk;

/// Renders one second of sound in `ms`, or fails where that is `None`.
struct Paced(Option<u64>);

#[async_trait]
impl TextToSpeech for Paced {
    async fn speak(&self, _: SpeechRequest) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::time::sleep(Duration::from_millis(self.0.unwrap_or(0))).await;
        let chunk = match self.0 {
            Some(_) => Ok(SpeechChunk {
                pcm: Arc::from(vec![0_i16; 48_000]),
                words: vec![],
            }),
            None => Err(SpeechError::Failed("broken".to_owned())),
        };
        sender.send(chunk).await.map_err(|_| SpeechError::Cancelled)?;
        Ok(receiver)
    }
}

/// A machine: how each engine renders; `None` where its files are missing.
struct Machine {
    kokoro: Option<Paced>,
    piper: bool,
    opened: Mutex<Vec<VoiceEngine>>,
}

#[async_trait]
impl VoiceEngines for Machine {
    type Voice = Paced;

    async fn open(&self, engine: VoiceEngine) -> Result<Paced, VoiceError> {
        self.opened.lock().unwrap().push(engine);
        let missing = || VoiceError::Model(OnnxError::Runtime("no such file".to_owned()));
        match engine {
            VoiceEngine::Kokoro => self.kokoro.as_ref().map(|p| Paced(p.0)).ok_or_else(missing),
            VoiceEngine::Piper => self.piper.then_some(Paced(Some(100))).ok_or_else(missing),
        }
    }
}

fn machine(kokoro: Option<Paced>, piper: bool) -> Machine {
    Machine {
        kokoro,
        piper,
        opened: Mutex::default(),
    }
}

async fn chosen(machine: &Machine, known: Option<Measured>) -> Option<(VoiceEngine, Why)> {
    let choice = choose(machine, Preference::Auto, known, "af_heart").await;
    choice.ok().map(|choice| (choice.engine, choice.why))
}

const fn took(all_ms: u64) -> Measured {
    Measured {
        first_audio_ms: all_ms,
        all_ms,
        audio_ms: 1000,
    }
}

#[tokio::test(start_paused = true)]
async fn the_better_voice_is_taken_where_it_keeps_up_and_else_the_faster_one() {
    let fast = machine(Some(Paced(Some(1400))), true);
    assert_eq!(
        chosen(&fast, None).await,
        Some((VoiceEngine::Kokoro, Why::Measured(took(1400))))
    );
    assert_eq!(
        *fast.opened.lock().unwrap(),
        [VoiceEngine::Kokoro],
        "one model is enough"
    );
    let slow = machine(Some(Paced(Some(1600))), true);
    assert_eq!(
        chosen(&slow, None).await,
        Some((VoiceEngine::Piper, Why::Measured(took(1600))))
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_measured_before_is_not_measured_again() {
    let machine = machine(Some(Paced(None)), true);
    assert_eq!(
        chosen(&machine, Some(took(900))).await,
        Some((VoiceEngine::Kokoro, Why::Remembered(took(900))))
    );
    assert_eq!(
        chosen(&machine, Some(took(2000))).await,
        Some((VoiceEngine::Piper, Why::Remembered(took(2000))))
    );
    assert_eq!(
        *machine.opened.lock().unwrap(),
        [VoiceEngine::Kokoro, VoiceEngine::Piper]
    );
}

#[tokio::test(start_paused = true)]
async fn one_voice_that_works_is_enough() {
    let only = |engine| Some((engine, Why::OnlyOne));
    assert_eq!(chosen(&machine(None, true), None).await, only(VoiceEngine::Piper));
    assert_eq!(
        chosen(&machine(Some(Paced(None)), true), None).await,
        only(VoiceEngine::Piper)
    );
    let slow = || Some(Paced(Some(3000)));
    assert_eq!(chosen(&machine(slow(), false), None).await, only(VoiceEngine::Kokoro));
    assert_eq!(
        chosen(&machine(slow(), false), Some(took(3000))).await,
        only(VoiceEngine::Kokoro)
    );
    assert_eq!(chosen(&machine(Some(Paced(None)), false), None).await, None);
    assert_eq!(chosen(&machine(None, false), None).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_configured_is_not_second_guessed() {
    let machine = machine(Some(Paced(Some(9000))), true);
    let choice = choose(&machine, Preference::Only(VoiceEngine::Kokoro), None, "af_heart").await;
    let Ok(choice) = choice else { panic!("it is there") };
    assert_eq!((choice.engine, choice.why), (VoiceEngine::Kokoro, Why::Configured));
}
