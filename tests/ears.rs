//! The ears with their real models: voice activity, end of turn, speech to text.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use emma::screening::calls::domain::audio::VAD_FRAME;
use emma::screening::calls::domain::ports::{
    Priority, SpeechError, SpeechToText, Transcript, TranscriptionJob, TurnJudge, VoiceActivity,
};
use emma::screening::calls::infrastructure::moonshine::Moonshine;
use emma::screening::calls::infrastructure::silero::SileroVad;
use emma::screening::calls::infrastructure::smart_turn::SmartTurn;
use emma::screening::calls::infrastructure::transcriber::{LocalTranscriber, Patience, SecondOpinion};
use emma::screening::calls::infrastructure::whisper::{Whisper, WhisperConfig};
use emma::shared::models::{ModelDir, ModelFile};
use emma::shared::onnx::OnnxRuntime;
use emma::shared::word_errors::Errors;
use emma::shared::word_errors::normalizer::Normalizer;
use tokio_util::sync::CancellationToken;

/// Clips of `LibriSpeech` and what is said in them; see tests/data/speech/CREDITS.md.
const CLIPS: [(&str, &str); 3] = [
    ("1688-142285-0002", "you don't mean that you thought me so silly"),
    ("3005-163389-0002", "the stillness was awful creepy and uncomfortable"),
    (
        "1688-142285-0007",
        "i really was very much afraid of showing him how much shocked i was at some parts of what he said",
    ),
];

fn clip(id: &str) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/speech")
        .join(format!("{id}.wav"));
    let mut reader = hound::WavReader::open(path).expect("the clip is there");
    reader
        .samples::<i16>()
        .map(|s| f32::from(s.expect("a sample")) / 32_768.0)
        .collect()
}

/// Whisper with the first of these models that is on this machine.
fn whisper(models: &[ModelFile]) -> LocalTranscriber {
    let dir = ModelDir::default_location();
    let model = models
        .iter()
        .find_map(|m| dir.require(*m).ok())
        .expect("a whisper model is there");
    // Tests run beside each other on a machine that may be busy; whisper's threads would fight for the cores.
    let config = WhisperConfig {
        threads: 1,
        ..WhisperConfig::new(model)
    };
    let patience = Patience {
        timeout: Duration::from_mins(5),
        ..Patience::default()
    };
    LocalTranscriber::start(Whisper::load(&config).expect("whisper loads"), patience).expect("its thread starts")
}

/// What hears English by default: Moonshine, and whisper where it is in doubt.
fn both() -> LocalTranscriber {
    let (runtime, models) = onnx();
    let whisper = WhisperConfig {
        threads: 1,
        ..WhisperConfig::new(models.require(ModelFile::WhisperBaseQ8).expect("whisper is there"))
    };
    let listener = SecondOpinion {
        first: Moonshine::load(&runtime, &models, 1).expect("Moonshine loads"),
        language: "en",
        second: Whisper::load(&whisper).expect("whisper loads"),
        patience: Duration::from_mins(5),
    };
    let patience = Patience {
        timeout: Duration::from_mins(5),
        ..Patience::default()
    };
    LocalTranscriber::start(listener, patience).expect("its thread starts")
}

const BEST: [ModelFile; 3] = [
    ModelFile::WhisperBaseQ8,
    ModelFile::WhisperBase,
    ModelFile::WhisperTinyEn,
];
const FASTEST: [ModelFile; 3] = [
    ModelFile::WhisperTinyEn,
    ModelFile::WhisperBaseQ8,
    ModelFile::WhisperBase,
];

fn job(audio: Vec<f32>, priority: Priority) -> TranscriptionJob {
    TranscriptionJob {
        audio: audio.into(),
        priority,
        language: "en-US".to_owned(),
        context: String::new(),
        speech_ms: None,
        cancel: CancellationToken::new(),
    }
}

fn check_times(heard: &Transcript, audio_ms: u64) {
    let mut last = 0;
    for word in &heard.words {
        assert!(
            word.start_ms >= last && word.start_ms <= word.end_ms && word.end_ms <= audio_ms,
            "{:?}",
            heard.words
        );
        assert!((0.0..=1.0).contains(&word.confidence), "{word:?}");
        last = word.end_ms;
    }
}

// spec: CALL-6
#[tokio::test]
async fn the_words_come_out_with_their_times() {
    check_words(&whisper(&BEST)).await;
    check_words(&both()).await;
}

async fn check_words(ears: &LocalTranscriber) {
    let normalizer = Normalizer::new().expect("the rules are valid");
    let mut errors = Errors::default();
    for (id, said) in CLIPS {
        let audio = clip(id);
        let audio_ms = audio.len() as u64 / 16;
        let heard = ears
            .transcribe(job(audio, Priority::Live))
            .await
            .expect("it is transcribed");
        check_times(&heard, audio_ms);
        let (first, last) = (heard.words.first().expect("words"), heard.words.last().expect("words"));
        assert!(
            first.start_ms < 1200 && last.end_ms + 1200 > audio_ms,
            "words fill the clip: {:?}",
            heard.words
        );
        assert_eq!(
            heard
                .words
                .iter()
                .map(|w| w.text.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            heard.text
        );
        errors += Errors::between(&normalizer.normalize(said), &normalizer.normalize(&heard.text));
    }
    assert!(errors.percent() <= 10.0, "{errors:?}");
}

// spec: CALL-6
#[tokio::test]
async fn a_word_is_found_where_it_was_said() {
    let ears = both();
    // A second of silence between two clips: the second one's words are a known time later than alone.
    let (first, second) = (clip(CLIPS[1].0), clip(CLIPS[2].0));
    let alone = ears
        .transcribe(job(second.clone(), Priority::Live))
        .await
        .expect("words");
    let quiet = vec![0.0; 16_000];
    let later_ms = (first.len() + quiet.len()) as u64 / 16;
    let both_clips = [first, quiet, second].concat();
    let heard = ears.transcribe(job(both_clips, Priority::Live)).await.expect("words");
    let joined: Vec<_> = heard.words.iter().rev().zip(alone.words.iter().rev()).collect();
    let mut off: Vec<u64> = joined
        .iter()
        .map(|(there, here)| there.start_ms.abs_diff(here.start_ms + later_ms))
        .collect();
    off.sort_unstable();
    assert!(off[off.len() / 2] <= 40 && off[off.len() * 9 / 10] <= 200, "{off:?} ms");
    // As another model in another program hears it (whisper base, faster-whisper), a tenth of a second before the words.
    let elsewhere = [
        640, 900, 1160, 1420, 1700, 2140, 2700, 3020, 3260, 3520, 3780, 4040, 4220, 4580, 5040, 5240, 5580, 5780, 6000,
        6160,
    ];
    let mut off: Vec<u64> = alone.words[1..]
        .iter()
        .zip(elsewhere)
        .map(|(word, at)| word.start_ms.abs_diff(at))
        .collect();
    off.sort_unstable();
    assert_eq!(alone.words.len(), elsewhere.len() + 1);
    assert!(
        off[off.len() / 2] <= 200 && off[off.len() * 9 / 10] <= 250,
        "{off:?} ms"
    );
}

#[tokio::test]
async fn a_single_short_word_is_heard() {
    check_short(&whisper(&BEST)).await;
    check_short(&both()).await;
}

async fn check_short(ears: &LocalTranscriber) {
    // "you don't mean": the first 0.9 s of the speech.
    let audio = clip(CLIPS[0].0)[4_000..18_000].to_vec();
    let heard = ears
        .transcribe(job(audio, Priority::Live))
        .await
        .expect("it is transcribed");
    check_times(&heard, 875);
    assert!(heard.text.to_lowercase().contains("you"), "{}", heard.text);
}

#[tokio::test]
async fn nothing_is_heard_where_nobody_speaks() {
    check_nothing(&whisper(&BEST)).await;
    check_nothing(&both()).await;
}

async fn check_nothing(ears: &LocalTranscriber) {
    let mut seed = 1_u32;
    let mut noise = |level: f32| -> Vec<f32> {
        (0..48_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                level * ((seed >> 8) as f32 / (1 << 23) as f32 - 1.0)
            })
            .collect()
    };
    let hum = (0..48_000).map(|i| 0.1 * (i as f32 * 0.02).sin()).collect();
    for audio in [
        vec![],
        vec![0.0; 160],
        vec![0.0; 48_000],
        noise(0.001),
        noise(0.02),
        noise(0.2),
        hum,
    ] {
        let heard = ears
            .transcribe(job(audio, Priority::Live))
            .await
            .expect("it is transcribed");
        assert_eq!(heard, Transcript::default());
    }
}

#[tokio::test]
async fn speech_that_voice_activity_did_not_find_is_not_invented() {
    let whisper = whisper(&FASTEST);
    let unheard = TranscriptionJob {
        speech_ms: Some(0),
        ..job(clip(CLIPS[0].0), Priority::Live)
    };
    assert_eq!(whisper.transcribe(unheard).await, Ok(Transcript::default()));
}

#[tokio::test]
async fn what_cannot_be_done_is_an_error_and_not_a_panic() {
    let whisper = whisper(&FASTEST);
    for language in ["xx", "", "e\0n", "klingon", "-", "日本"] {
        let unknown = TranscriptionJob {
            language: language.to_owned(),
            ..job(clip(CLIPS[0].0), Priority::Live)
        };
        assert!(
            matches!(whisper.transcribe(unknown).await, Err(SpeechError::Failed(_))),
            "{language:?}"
        );
    }
    let too_long = job(vec![0.1; 16_000 * 31], Priority::Live);
    assert!(matches!(
        whisper.transcribe(too_long).await,
        Err(SpeechError::Failed(_))
    ));
    let odd = TranscriptionJob {
        context: "a\0b".to_owned(),
        ..job(vec![f32::NAN; 20_000], Priority::Live)
    };
    assert_eq!(whisper.transcribe(odd).await, Ok(Transcript::default()));
}

// spec: CONV-2
#[tokio::test]
async fn cancelled_work_ends_and_the_next_is_served() {
    let whisper = Arc::new(whisper(&FASTEST));
    let long: Vec<f32> = CLIPS.iter().cycle().take(3).flat_map(|(id, _)| clip(id)).collect();
    // One is being decoded, one waits; both are given up.
    let running = job(long.clone(), Priority::Live);
    let waiting = job(long.clone(), Priority::Live);
    let stops = [running.cancel.clone(), waiting.cancel.clone()];
    let (first, second) = (Arc::clone(&whisper), Arc::clone(&whisper));
    let first = tokio::spawn(async move { first.transcribe(running).await });
    let second = tokio::spawn(async move { second.transcribe(waiting).await });
    tokio::task::yield_now().await;
    for stop in stops {
        stop.cancel();
    }
    assert_eq!(first.await.expect("no panic"), Err(SpeechError::Cancelled));
    assert_eq!(second.await.expect("no panic"), Err(SpeechError::Cancelled));
    // A caller that goes away cancels as well.
    drop(tokio::time::timeout(Duration::ZERO, whisper.transcribe(job(long, Priority::Live))).await);
    let heard = whisper
        .transcribe(job(clip(CLIPS[1].0), Priority::Background))
        .await
        .expect("it is transcribed");
    assert!(heard.text.to_lowercase().contains("stillness"), "{}", heard.text);
}

// spec: CONV-2
#[tokio::test]
async fn somebody_who_waits_goes_before_what_is_prepared() {
    let whisper = whisper(&FASTEST);
    let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
    let run = |priority| {
        let (work, done) = (whisper.transcribe(job(clip(CLIPS[1].0), priority)), done.clone());
        async move {
            work.await.expect("it is transcribed");
            done.send(priority).expect("the test listens");
        }
    };
    // The first occupies the thread; the others are queued before it is free.
    let busy = whisper.transcribe(job(clip(CLIPS[2].0), Priority::Live));
    let (busy, (), (), ()) = tokio::join!(
        busy,
        run(Priority::Background),
        run(Priority::Speculative),
        run(Priority::Live)
    );
    busy.expect("it is transcribed");
    drop(done);
    let mut finished = Vec::new();
    while let Some(priority) = order.recv().await {
        finished.push(priority);
    }
    assert_eq!(finished, [Priority::Live, Priority::Speculative, Priority::Background]);
}

fn onnx() -> (OnnxRuntime, ModelDir) {
    let models = ModelDir::default_location();
    (OnnxRuntime::load(&models).expect("ONNX Runtime is there"), models)
}

async fn voice(vad: &SileroVad, audio: &[f32]) -> Vec<f32> {
    let mut stream = vad.open();
    let mut scores = Vec::new();
    for frame in audio.chunks_exact(VAD_FRAME) {
        scores.push(
            stream
                .score(frame.try_into().expect("a whole frame"))
                .await
                .expect("a score"),
        );
    }
    scores
}

/// Values of the reference implementation (silero-vad 6.2.3 in Python, onnxruntime 1.31.1).
#[tokio::test]
async fn voice_activity_equals_the_reference() {
    let (runtime, models) = onnx();
    let vad = SileroVad::start(&runtime, &models).expect("it starts");
    let scores = voice(&vad, &clip(CLIPS[1].0)).await;
    for (frame, expected) in [(0, 0.036), (17, 0.937), (27, 1.0), (95, 1.0), (109, 0.008)] {
        assert!(
            (scores[frame] - expected).abs() < 0.02,
            "frame {frame}: {}",
            scores[frame]
        );
    }
    let share = scores.iter().filter(|&&s| s > 0.5).count() as f32 / scores.len() as f32;
    assert!((share - 0.764).abs() < 0.02, "{share}");
    assert!(voice(&vad, &vec![0.0; 64_000]).await.iter().all(|&s| s < 0.1));
}

#[tokio::test]
async fn calls_do_not_disturb_each_others_voice_activity() {
    let (runtime, models) = onnx();
    let vad = SileroVad::start(&runtime, &models).expect("it starts");
    let (one, other) = (clip(CLIPS[0].0), clip(CLIPS[2].0));
    let alone = voice(&vad, &one).await;
    let (together, _) = tokio::join!(voice(&vad, &one), voice(&vad, &other));
    assert_eq!(alone, together);
}

/// Probabilities of the reference implementation (pipecat-ai 1.14.0); int8 results differ a little by processor.
// spec: CONV-1
#[tokio::test]
async fn turns_are_judged_as_by_the_reference() {
    let (runtime, models) = onnx();
    let judge = SmartTurn::start(&runtime, &models).expect("it starts");
    for (id, end, expected) in [
        (CLIPS[0].0, 37_888, 0.4509),
        (CLIPS[1].0, 51_712, 0.9849),
        (CLIPS[2].0, 108_032, 0.0643),
    ] {
        let mut audio = clip(id);
        audio.truncate(end);
        audio.resize(end + 3_200, 0.0);
        let probability = judge.judge(audio.into()).await.expect("a judgement");
        assert!(
            (probability - expected).abs() < 0.1,
            "{id}: {probability}, expected {expected}"
        );
    }
    let probability = judge.judge([].into()).await.expect("silence is judged too");
    assert!((0.0..=1.0).contains(&probability));
}
