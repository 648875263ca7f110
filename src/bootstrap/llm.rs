//! The language model from configuration, and whether it answers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use tracing::info;

use crate::config::{ChosenLlm, Llm};
use crate::shared::errors::StoreError;
use crate::shared::llm::cached::{Cached, ReplyStore};
use crate::shared::llm::ledger::{CostLine, Ledger, Price, Record, RequestLog};
use crate::shared::llm::open_router::{Endpoint, OpenRouterLlmAdapter};
use crate::shared::llm::resilient::{Patience, Resilient};
use crate::shared::llm::{ChatModel, LlmError};

/// The configured model and what is said about it.
pub struct OpenLlm {
    /// Retries, falls back, and records what it cost.
    pub model: Arc<dyn ChatModel>,
    pub adapter: Arc<OpenRouterLlmAdapter>,
    pub chosen: ChosenLlm,
}

/// The adapter of the configured server.
///
/// # Errors
/// When no HTTP client can be made.
pub fn adapter(chosen: &ChosenLlm, model: &str) -> Result<OpenRouterLlmAdapter, LlmError> {
    OpenRouterLlmAdapter::new(Endpoint::new(&chosen.base_url, chosen.api_key.clone()), model)
}

/// The configured model; `None` where none is.
///
/// # Errors
/// When no HTTP client can be made.
pub fn open(
    config: &Llm,
    log: &Arc<dyn RequestLog>,
    replies: Option<Arc<dyn ReplyStore>>,
) -> anyhow::Result<Option<OpenLlm>> {
    let Some(chosen) = config.chosen() else { return Ok(None) };
    let price = config.prompt_price_usd.zip(config.completion_price_usd);
    let price = price.map(|(prompt, completion)| Price { prompt, completion });
    let main = Arc::new(adapter(&chosen, &chosen.model).context("language model")?);
    let recorded = |model: Arc<dyn ChatModel>| -> Arc<dyn ChatModel> {
        Arc::new(Ledger {
            model,
            log: log.clone(),
            price,
        })
    };
    let fallback = match &chosen.fallback_model {
        Some(name) => Some(recorded(Arc::new(adapter(&chosen, name).context("fallback model")?))),
        None => None,
    };
    let model: Arc<dyn ChatModel> = Arc::new(Resilient {
        model: recorded(main.clone()),
        fallback,
        patience: Patience {
            first_token: Duration::from_millis(config.first_token_timeout_ms),
            tries: config.tries,
            ..Patience::default()
        },
    });
    // Outermost: an answer that is kept is tried for neither twice nor anywhere else.
    let model = match replies {
        Some(replies) => Arc::new(Cached {
            model,
            replies,
            log: log.clone(),
            origin: format!("{} {} {:?}", chosen.base_url, chosen.model, chosen.fallback_model),
        }),
        None => model,
    };
    info!(
        host = main.host(),
        model = chosen.model,
        "a language model is configured"
    );
    Ok(Some(OpenLlm {
        model,
        adapter: main,
        chosen,
    }))
}

/// A record that is not kept, for measurements outside of a server.
pub fn unrecorded() -> Arc<dyn RequestLog> {
    Arc::new(Unrecorded)
}

struct Unrecorded;

#[async_trait]
impl RequestLog for Unrecorded {
    async fn put(&self, _: Record) -> Result<(), StoreError> {
        Ok(())
    }

    async fn costs(&self, _: Option<&str>) -> Result<Vec<CostLine>, StoreError> {
        Ok(Vec::new())
    }
}
