//! Services outside this machine, where the configuration names any.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tracing::{info, warn};

use crate::config::{Embeddings, LocalModel, Torre};
use crate::knowledge::infrastructure::openrouter::{EmbeddingsSettings, OpenRouterEmbeddingsAdapter};
use crate::knowledge::infrastructure::{e5, minilm};
use crate::screening::applications::domain::directory::TalentDirectory;
use crate::screening::applications::infrastructure::torre::{TorreAdapter, TorreSettings};
use crate::shared::embeddings::cached::CachedEmbedder;
use crate::shared::embeddings::set::{EmbeddingStore, REFUSED};
use crate::shared::embeddings::{E5_SMALL, EmbeddingModel, LOCAL_DIMENSION, MINI_LM, TextEmbedder};
use crate::shared::models::ModelDir;
use crate::shared::onnx::OnnxRuntime;

/// The embedding model: one on this machine, or a hosted one. Its vectors are kept in memory by their texts.
///
/// # Errors
/// When a model file is missing or unfit, or the address is not one.
pub fn embedder(
    config: &Embeddings,
    runtime: &OnnxRuntime,
    models: &ModelDir,
) -> anyhow::Result<Arc<dyn TextEmbedder>> {
    let model: Arc<dyn TextEmbedder> = match config.local() {
        Some(LocalModel::E5Small) => Arc::new(e5::start(runtime, models)?),
        Some(LocalModel::MiniLm) => Arc::new(minilm::start(runtime, models)?),
        None => Arc::new(hosted_embedder(config)?),
    };
    let EmbeddingModel { name, dimension } = model.model();
    info!(
        model = name,
        dimension,
        hosted = !config.is_local(),
        "embedding model ready"
    );
    Ok(Arc::new(CachedEmbedder::new(model)))
}

/// The configured model as its vectors are labelled, without loading it; none where nobody knows how long they are.
pub fn model_of(config: &Embeddings) -> Option<EmbeddingModel> {
    let (name, dimension) = match (config.local(), config.dimension) {
        (Some(LocalModel::E5Small), _) => (E5_SMALL, Some(LOCAL_DIMENSION)),
        (Some(LocalModel::MiniLm), _) => (MINI_LM, Some(LOCAL_DIMENSION)),
        (None, 0) => (config.model.as_str(), config.native_dimension()),
        (None, given) => (config.model.as_str(), Some(given)),
    };
    Some(EmbeddingModel {
        name: name.to_owned(),
        dimension: dimension?,
    })
}

/// Says so where stored vectors are of another model than the configured one: they are not used.
///
/// # Errors
/// When they cannot be read.
pub async fn look_at_vectors(vectors: &dyn EmbeddingStore, configured: &EmbeddingModel) -> anyhow::Result<()> {
    for (other, sets) in vectors
        .models()
        .await?
        .into_iter()
        .filter(|(model, _)| model != configured)
    {
        warn!(sets, stored = other.name, configured = configured.name, "{REFUSED}");
    }
    Ok(())
}

/// The hosted embedding model.
///
/// # Errors
/// When the address is not one, or nobody knows how long its vectors are.
pub fn hosted_embedder(config: &Embeddings) -> anyhow::Result<OpenRouterEmbeddingsAdapter> {
    let native = config.native_dimension();
    let dimension = match config.dimension {
        0 => native.context("embeddings.dimension is not set")?,
        given => given,
    };
    let settings = EmbeddingsSettings {
        base_url: config.server().to_owned(),
        model: config.model.clone(),
        api_key: config.api_key.clone(),
        dimension,
        shorten: native.is_some_and(|native| native != dimension),
        timeout: Duration::from_millis(config.timeout_ms),
        retries: config.retries,
    };
    OpenRouterEmbeddingsAdapter::new(settings).map_err(|e| anyhow!("embeddings.base_url: {e}"))
}

/// Where candidates and opportunities are looked up; nowhere when no address is configured.
///
/// # Errors
/// When the address is not one.
pub fn directory(config: &Torre) -> anyhow::Result<Option<Arc<dyn TalentDirectory>>> {
    if config.base_url.is_empty() {
        return Ok(None);
    }
    let settings = TorreSettings {
        base_url: config.base_url.clone(),
        timeout: Duration::from_millis(config.timeout_ms),
        retries: config.retries,
    };
    let adapter = TorreAdapter::new(&settings).map_err(|e| anyhow!("torre.base_url: {e}"))?;
    Ok(Some(Arc::new(adapter)))
}
