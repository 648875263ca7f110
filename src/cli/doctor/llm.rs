//! The language model's server: whether it is there and takes the key.

use super::{Check, TIMEOUT, ok, warn};
use crate::bootstrap::llm::adapter;
use crate::config::Llm;
use crate::shared::llm::{ChatModel as _, LlmError};

pub(super) async fn language_model(config: &Llm) -> Check {
    let name = "llm";
    let Some(chosen) = config.chosen() else {
        return ok(name, "none configured: the guided interviewer speaks");
    };
    let adapter = match adapter(&chosen, &chosen.model) {
        Ok(adapter) => adapter,
        Err(error) => return warn(name, error.to_string(), "check llm.base_url"),
    };
    let found = format!("{} at {}", adapter.model(), adapter.host());
    match adapter.ping(TIMEOUT).await {
        Ok(()) => ok(name, format!("{found} answers")),
        Err(LlmError::Unauthorized) => warn(
            name,
            format!("{found} refuses the key"),
            "check LLM_API_KEY; the guided interviewer speaks until then",
        ),
        Err(error) => warn(
            name,
            format!("{found}: {}", error.kind()),
            "check LLM_BASE_URL and that the server runs; the guided interviewer speaks until then",
        ),
    }
}
