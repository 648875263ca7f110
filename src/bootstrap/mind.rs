//! Who interviews: the guided interviewer, or Emma with a language model where one is configured.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::bootstrap::engines::{EmmaVoice, transcribers};
use crate::bootstrap::llm::OpenLlm;
use crate::config::{Config, Llm, Speech};
use crate::screening::calls::application::emma::{EmmaService, Settings};
use crate::screening::calls::application::guided::GuidedInterviewer;
use crate::screening::calls::application::interviewing::Interviewer;
use crate::screening::calls::application::second_look::SecondLook;
use crate::screening::calls::domain::interviewer;
use crate::screening::calls::domain::ports::RoleKnowledge;
use crate::screening::calls::infrastructure::agent_file::Agent;
use crate::screening::calls::infrastructure::steering_file;
use crate::shared::embeddings::TextEmbedder;
use crate::shared::prompts::Prompts;

/// The interviewer and what it is made of.
pub struct Mind {
    pub interviewer: Arc<dyn Interviewer>,
    /// Names and versions, for the record of a call.
    pub versions: Value,
}

/// Opens the interviewer.
pub fn open(
    config: &Llm,
    llm: Option<&OpenLlm>,
    agent: &Agent,
    knowledge: Arc<dyn RoleKnowledge>,
    prompts: Arc<Prompts>,
    second_look: Option<Arc<SecondLook>>,
) -> Mind {
    interviewer::warm_up();
    let guided = GuidedInterviewer { knowledge, second_look };
    let who = json!({ "name": agent.name, "version": agent.version });
    let emma = env!("CARGO_PKG_VERSION");
    let Some(llm) = llm else {
        return Mind {
            interviewer: Arc::new(guided),
            versions: json!({ "emma": emma, "interviewer": "guided", "agent": who }),
        };
    };
    let versions = json!({
        "emma": emma,
        "interviewer": "llm",
        "agent": who,
        "prompts": prompts.versions(),
        "llm": { "model": llm.chosen.model, "fallback_model": llm.chosen.fallback_model, "host": llm.adapter.host() },
    });
    let settings = Settings {
        max_tokens: config.max_tokens,
        temperature: config.temperature,
        timeout: config.timeout(),
    };
    let interviewer = Arc::new(EmmaService::new(
        llm.model.clone(),
        guided,
        prompts,
        agent.mind(),
        settings,
    ));
    Mind { interviewer, versions }
}

/// The second look for attempts to steer; it learns in the background. Only with the model that is here: its limits were
/// set with that one, and what candidates say is not sent anywhere for this.
pub fn second_look(config: &Config, embedder: &Arc<dyn TextEmbedder>, tasks: &TaskTracker) -> Option<Arc<SecondLook>> {
    if !config.interview.second_look || !config.embeddings.is_local() {
        return None;
    }
    let look = Arc::new(SecondLook::new(embedder.clone()));
    let learning = look.clone();
    tasks.spawn(async move {
        if let Err(error) = learn(&learning).await {
            warn!(
                error = format!("{error:#}"),
                "attempts to steer are looked for by wording alone"
            );
        }
    });
    Some(look)
}

/// Has it learn from the sentences in the binary.
///
/// # Errors
/// When they cannot be read or embedded.
pub async fn learn(look: &SecondLook) -> anyhow::Result<()> {
    let exemplars = steering_file::exemplars().context("agents/steering.toml")?;
    Ok(look.learn(&exemplars).await?)
}

/// The record of a call: the interviewer's and the speech engines' names and versions.
pub fn versions(mut mind: Value, speech: &Speech, voice: &EmmaVoice, speed: f32) -> Value {
    let own = json!({
        "speech_to_text": transcribers(speech),
        "voice": { "engine": voice.engine, "name": voice.voice, "speed": speed },
    });
    if let (Some(all), Value::Object(own)) = (mind.as_object_mut(), own) {
        all.extend(own);
    }
    mind
}
