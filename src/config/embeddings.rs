//! `[embeddings]`: the embedding model.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::config::environment;

/// `[embeddings]`: what turns texts into vectors.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Embeddings {
    /// `local` is multilingual-e5-small on this machine, `minilm` the smaller all-MiniLM-L6-v2, which knows English only;
    /// else a hosted model as its server names it, e.g. `openai/text-embedding-3-small`. (`EMBEDDING_MODEL`)
    pub model: String,
    /// Base address of an OpenAI-compatible server. Where it is empty, a model with a slash in its name is OpenRouter's
    /// and another one OpenAI's. (`EMBEDDING_BASE_URL`)
    pub base_url: String,
    /// The server's key. Where it is not set, `OPENROUTER_API_KEY` goes to OpenRouter and `OPENAI_API_KEY` to OpenAI, and
    /// to nobody else. (`EMBEDDING_API_KEY`)
    #[serde(skip_serializing, default, deserialize_with = "environment::secret")]
    pub api_key: Option<SecretString>,
    /// Length of the vectors; 0 takes the model's own, which has to be one that is known here. A smaller one is asked of
    /// a model that can shorten its vectors.
    pub dimension: usize,
    /// Milliseconds for one try.
    pub timeout_ms: u64,
    /// Further tries after a timeout, a broken connection or a 5xx.
    pub retries: u32,
}

impl Embeddings {
    /// The name of the model on this machine that needs no choice.
    pub const LOCAL: &str = "local";

    /// The model on this machine, where one is used. The names of models are local where no server is given.
    pub fn local(&self) -> Option<LocalModel> {
        let here = self.base_url.is_empty();
        match self.model.as_str() {
            Self::LOCAL => Some(LocalModel::E5Small),
            "e5-small" | "multilingual-e5-small" | "intfloat/multilingual-e5-small" if here => {
                Some(LocalModel::E5Small)
            }
            "minilm" | "all-minilm-l6-v2" | "all-MiniLM-L6-v2" if here => Some(LocalModel::MiniLm),
            _ => None,
        }
    }

    /// Whether the model is on this machine.
    pub fn is_local(&self) -> bool {
        self.local().is_some()
    }

    /// The server of a hosted model.
    pub fn server(&self) -> &str {
        match self.base_url.as_str() {
            "" if self.model.contains('/') => "https://openrouter.ai/api/v1",
            "" => "https://api.openai.com/v1",
            given => given,
        }
    }

    /// The variable that usually holds this server's key. No key goes to a server it is not for.
    pub(super) fn usual_key(&self) -> Option<&'static str> {
        if self.is_local() {
            return None;
        }
        let host = self.server().strip_prefix("https://")?.split('/').next()?;
        match host {
            "openrouter.ai" => Some("OPENROUTER_API_KEY"),
            "api.openai.com" => Some("OPENAI_API_KEY"),
            _ => None,
        }
    }

    /// Length of the model's vectors where nothing shortens them.
    pub fn native_dimension(&self) -> Option<usize> {
        let name = self.model.rsplit('/').next().unwrap_or_default();
        match name {
            "text-embedding-3-small" | "text-embedding-ada-002" => Some(1_536),
            "text-embedding-3-large" => Some(3_072),
            "bge-m3" | "multilingual-e5-large" => Some(1_024),
            "multilingual-e5-small" | "all-minilm" => Some(384),
            "nomic-embed-text" => Some(768),
            _ => None,
        }
    }
}

/// Embedding models that run here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalModel {
    /// Many languages, Greek among them.
    E5Small,
    /// English only.
    MiniLm,
}

impl Default for Embeddings {
    fn default() -> Self {
        Self {
            model: Self::LOCAL.to_owned(),
            base_url: String::new(),
            api_key: None,
            dimension: 0,
            timeout_ms: 10_000,
            retries: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: KNOW-4, OPS-3
    #[test]
    fn a_name_of_a_local_model_is_local_unless_a_server_is_given() {
        let mut embeddings = Embeddings::default();
        assert_eq!(embeddings.local(), Some(LocalModel::E5Small));
        for (name, model) in [
            ("multilingual-e5-small", Some(LocalModel::E5Small)),
            ("minilm", Some(LocalModel::MiniLm)),
            ("all-MiniLM-L6-v2", Some(LocalModel::MiniLm)),
            ("openai/text-embedding-3-small", None),
        ] {
            name.clone_into(&mut embeddings.model);
            assert_eq!(embeddings.local(), model, "{name}");
        }
        "multilingual-e5-small".clone_into(&mut embeddings.model);
        "http://127.0.0.1:8000/v1".clone_into(&mut embeddings.base_url);
        assert_eq!(embeddings.local(), None);
    }
}
