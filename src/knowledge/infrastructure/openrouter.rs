//! Embeddings over HTTP, as OpenAI defined them (`POST {base}/embeddings`) and OpenRouter, vLLM, Ollama and others serve
//! them.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::shared::embeddings::{EmbedError, EmbeddingModel, TextEmbedder, TextRole};
use crate::shared::upstream::{self, Limits, Reply};

/// Texts of one request; servers take some hundred at most.
const BATCH: usize = 64;
/// Of one text: a server with 8192 tokens takes it in any language.
const MAX_TEXT_BYTES: usize = 8_000;
/// A number takes some 12 characters.
const BYTES_PER_NUMBER: usize = 32;
const USER_AGENT: &str = concat!("emma/", env!("CARGO_PKG_VERSION"));

/// Which server makes vectors, and which.
#[derive(Debug, Clone)]
pub struct EmbeddingsSettings {
    /// E.g. `https://openrouter.ai/api/v1`.
    pub base_url: String,
    /// As the server names it, e.g. `openai/text-embedding-3-small`.
    pub model: String,
    pub api_key: Option<SecretString>,
    /// Length of the vectors; another length is refused.
    pub dimension: usize,
    /// Whether the server is asked to shorten its vectors to `dimension`. Not every server and model can.
    pub shorten: bool,
    /// For one try.
    pub timeout: Duration,
    /// Further tries after a timeout, a broken connection or a 5xx.
    pub retries: u32,
}

/// A hosted embedding model.
pub struct OpenRouterEmbeddingsAdapter {
    client: Client,
    address: Url,
    settings: EmbeddingsSettings,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: Vec<&'a str>,
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    /// Which text it is of; servers need not keep the order.
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl OpenRouterEmbeddingsAdapter {
    /// # Errors
    /// When the address is not one.
    pub fn new(settings: EmbeddingsSettings) -> Result<Self, String> {
        let mut address = Url::parse(&settings.base_url).map_err(|e| format!("{}: {e}", settings.base_url))?;
        address
            .path_segments_mut()
            .map_err(|()| format!("{} is no address of a server", settings.base_url))?
            .pop_if_empty()
            .push("embeddings");
        Ok(Self {
            client: upstream::client(&address, USER_AGENT).map_err(|e| e.to_string())?,
            address,
            settings,
        })
    }

    fn request(&self, texts: &[String]) -> RequestBuilder {
        let input = texts.iter().map(|text| match text.trim() {
            // Servers refuse an empty text; a full stop means as little.
            "" => ".",
            text => text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or(text),
        });
        let body = Request {
            model: &self.settings.model,
            input: input.collect(),
            encoding_format: "float",
            dimensions: self.settings.shorten.then_some(self.settings.dimension),
        };
        let request = self.client.post(self.address.clone()).json(&body);
        match &self.settings.api_key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }

    async fn batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let limits = Limits {
            timeout: self.settings.timeout,
            retries: self.settings.retries,
            max_bytes: 64 * 1024 + texts.len() * self.settings.dimension * BYTES_PER_NUMBER,
        };
        let reply = upstream::ask(&self.request(texts), limits).await?;
        check(&reply)?;
        let answer: Answer =
            serde_json::from_slice(&reply.body).map_err(|_| malformed("it is not as the interface says".to_owned()))?;
        self.in_order(answer.data, texts.len())
    }

    fn in_order(&self, data: Vec<Embedding>, wanted: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; wanted];
        for (place, found) in data.into_iter().enumerate() {
            let slot = vectors.get_mut(found.index.unwrap_or(place));
            let slot = slot.ok_or_else(|| malformed("there are more vectors than texts".to_owned()))?;
            if slot.is_some() {
                return Err(malformed("a text has two vectors".to_owned()));
            }
            *slot = Some(self.unit(found.embedding)?);
        }
        let vectors: Option<Vec<_>> = vectors.into_iter().collect();
        vectors.ok_or_else(|| malformed("a text has no vector".to_owned()))
    }

    /// The vector brought to length 1; servers that shorten do not always.
    fn unit(&self, mut vector: Vec<f32>) -> Result<Vec<f32>, EmbedError> {
        let expected = self.settings.dimension;
        if vector.len() != expected {
            let found = vector.len();
            return Err(malformed(format!(
                "a vector has {found} numbers where {expected} are configured"
            )));
        }
        let length = vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if !length.is_normal() {
            return Err(malformed("a vector has no direction".to_owned()));
        }
        for number in &mut vector {
            *number = (f64::from(*number) / length) as f32;
        }
        Ok(vector)
    }
}

#[async_trait]
impl TextEmbedder for OpenRouterEmbeddingsAdapter {
    /// The interface has no place for the role; hosted models of these servers do without.
    async fn embed(&self, texts: &[String], _: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.batch(batch).await?);
        }
        Ok(vectors)
    }

    fn model(&self) -> EmbeddingModel {
        EmbeddingModel {
            name: self.settings.model.clone(),
            dimension: self.settings.dimension,
        }
    }
}

fn check(reply: &Reply) -> Result<(), EmbedError> {
    match reply.status {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(EmbedError::Unauthorized),
        StatusCode::REQUEST_TIMEOUT => Err(EmbedError::TimedOut),
        StatusCode::TOO_EARLY => Err(EmbedError::Overloaded { retry_after: None }),
        // Not its words: they may repeat the texts.
        status => Err(EmbedError::Rejected(format!("it answered {}", status.as_u16()))),
    }
}

fn malformed(what: String) -> EmbedError {
    EmbedError::Malformed(what)
}
