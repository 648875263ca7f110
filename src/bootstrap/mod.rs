//! The composition root: configuration in, a running Emma out. The only place that names concrete adapters.

pub mod engines;
pub mod erasing;
pub mod health;
pub mod llm;
pub mod outside;
pub mod prepare;
pub mod subscriptions;

mod demo;
mod entrance;
mod glue;
mod lock;
pub mod mind;
mod speech;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use chrono::TimeDelta;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::bootstrap::demo::demo_link;
use crate::bootstrap::engines::{model_dir, open_ears, open_voice};
use crate::bootstrap::erasing::EmbeddedEraser;
use crate::bootstrap::glue::{Door, LateEnder, Lookup, Statements};
use crate::bootstrap::health::{LlmHealth, SpeechHealth, VectorHealth};
use crate::bootstrap::lock::DataLock;
use crate::bootstrap::mind::Mind;
use crate::bootstrap::prepare::PrepareVoice;
use crate::bootstrap::speech::RemoteSpeech;
use crate::bootstrap::subscriptions::Subscribers;
use crate::config::{self, Config};
use crate::knowledge::infrastructure::role_search::RoleSearch;
use crate::router::{self, AppState};
use crate::screening::analysis::application::analyse::AnalysisService;
use crate::screening::analysis::application::forget_replies::ForgetReplies;
use crate::screening::analysis::application::score_by_model::ModelScorer;
use crate::screening::analysis::infrastructure::http::AnalysisState;
use crate::screening::analysis::infrastructure::store::SqliteAnalysisStore;
use crate::screening::applications::application::ApplicationService;
use crate::screening::applications::application::embed::Embeddings;
use crate::screening::applications::application::invite::LinkTerms;
use crate::screening::applications::application::make_plan::{DeterministicPlans, ModelPlans};
use crate::screening::applications::infrastructure::calls::ApplicationCalls;
use crate::screening::applications::infrastructure::documents::FileReader;
use crate::screening::applications::infrastructure::http::ApplicationsState;
use crate::screening::applications::infrastructure::store::SqliteApplicationStore;
use crate::screening::calls::application::service::CallService;
use crate::screening::calls::application::session::Engines;
use crate::screening::calls::application::voice::VoiceStyle;
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::infrastructure::agent_file::Agent;
use crate::screening::calls::infrastructure::http::calls::CallsState;
use crate::screening::calls::infrastructure::http::door::InterviewsState;
use crate::screening::calls::infrastructure::recording::OggRecordings;
use crate::screening::calls::infrastructure::store::SqliteCallStore;
use crate::screening::calls::infrastructure::webrtc::{WebRtcAdapter, WebRtcConfig};
use crate::screening::calls::infrastructure::websocket::WebSocketAdapter;
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::clock::{Clock, SystemClock};
use crate::shared::db::Db;
use crate::shared::embeddings::store::SqliteEmbeddingStore;
use crate::shared::http::auth::RecruiterToken;
use crate::shared::http::entrance::Entrance;
use crate::shared::http::health::HealthState;
use crate::shared::http::idempotency::Idempotency;
use crate::shared::jobs::runner::{JobRunner, RunnerConfig};
use crate::shared::llm::cached::ReplyStore;
use crate::shared::llm::costs::{CostsState, SqliteRequestLog};
use crate::shared::llm::ledger::RequestLog;
use crate::shared::llm::replies::SqliteReplies;
use crate::shared::memory;
use crate::shared::onnx::OnnxRuntime;
use crate::shared::prompts::Prompts;
use crate::shared::telemetry;

/// How long opening one model, the longest step that is not interrupted, may take.
const LOADING: Duration = Duration::from_secs(15);
/// How long requests whose clients have gone may take at the end.
const SETTLING: Duration = Duration::from_secs(10);
/// How long what goes on beside calls may take to end.
const LAST_TASKS: Duration = Duration::from_secs(5);
/// How often calls are looked through for those whose time has run out, and memory is given back.
const TIDYING: Duration = Duration::from_mins(1);

/// A server that is ready to serve.
pub struct Emma {
    pub base_url: String,
    /// Base on this machine itself, where it is another one.
    pub local_url: Option<String>,
    /// Whether the certificate is one that browsers warn about.
    pub own_certificate: bool,
    pub recruiter: RecruiterToken,
    pub demo: Option<demo::Demo>,
    entrance: Entrance,
    router: Router,
    applications: Arc<ApplicationService>,
    calls: Arc<CallService>,
    gateway: Arc<WebRtcAdapter>,
    runner: JobRunner,
    db: Db,
    idempotency: Idempotency,
    tasks: TaskTracker,
    /// Fired when the server is asked to stop: nobody waits for models any more.
    stopping: CancellationToken,
    loading: JoinHandle<()>,
    /// Held until the end.
    _lock: DataLock,
}

/// Builds everything from configuration. The models are loaded in the background: the server listens at once.
///
/// # Errors
/// When the port is taken, the data directory cannot be used or a model file is missing.
pub async fn build(config: Config) -> anyhow::Result<Emma> {
    let models = model_dir(&config.speech);
    let agent = Agent::load(config.interview.agent.as_deref())?;
    let runtime = OnnxRuntime::load(&models)?;
    let embedder = outside::embedder(&config.embeddings, &runtime, &models)?;
    let directory = outside::directory(&config.torre)?;
    let opened = entrance::open(&config).await?;
    let base_url = opened.base_url;
    let database = database_file(&config)?;
    let lock = DataLock::take(&config.server.data_dir, &database)?;
    let db = open_database(&database).await?;
    let recruiter = match config.server.recruiter_token.clone() {
        Some(token) => RecruiterToken::given(token),
        None => RecruiterToken::load_or_create(&config.server.data_dir).context("recruiter token")?,
    };
    let metrics = telemetry::start_metrics().context("metrics")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let idempotency = Idempotency::new(db.clone(), clock.clone(), &recruiter);
    let tasks = TaskTracker::new();
    let stopping = CancellationToken::new();

    let request_log: Arc<dyn RequestLog> = Arc::new(SqliteRequestLog {
        db: db.clone(),
        clock: clock.clone(),
    });
    let replies = Arc::new(SqliteReplies {
        db: db.clone(),
        clock: clock.clone(),
        entries: config.llm.cache_entries,
    });
    let kept = (config.llm.cache_entries > 0).then(|| replies.clone() as Arc<dyn ReplyStore>);
    let llm = llm::open(&config.llm, &request_log, kept)?;
    let prompts = Arc::new(Prompts::load(config.llm.prompts.as_deref())?);

    let recordings = Arc::new(OggRecordings::new(config.server.data_dir.join("recordings")));
    let call_store = SqliteCallStore::new(db.clone(), clock.clone()).with_recordings(recordings.clone());
    let call_store = Arc::new(call_store);
    let application_store = Arc::new(SqliteApplicationStore::new(db.clone()));
    let ender = Arc::new(LateEnder::default());
    let applications = Arc::new(ApplicationService {
        store: application_store.clone(),
        calls: Arc::new(ApplicationCalls {
            store: call_store.clone(),
            ender: ender.clone(),
            clock: clock.clone(),
        }),
        eraser: Arc::new(EmbeddedEraser {
            db: db.clone(),
            recordings: recordings.clone(),
            answers: idempotency.clone(),
        }),
        documents: Arc::new(FileReader::default()),
        plans: match &llm {
            Some(llm) => Arc::new(ModelPlans {
                model: llm.model.clone(),
                prompts: prompts.clone(),
            }),
            None => Arc::new(DeterministicPlans),
        },
        directory,
        clock: clock.clone(),
        link_terms: link_terms(&config),
        offers_recording: config.interview.recording,
    });

    let (engines_ready, engines) = watch::channel(None);
    let (voice_ready, voice) = watch::channel(None);
    let remote = RemoteSpeech::new(&config.speech, &config.server.data_dir.join("voice-remote"), &tasks)?;
    let speech_health = SpeechHealth {
        engines: engines.clone(),
        remote: remote.circuits(),
    };
    let gateway = Arc::new(WebRtcAdapter::new(web_rtc(&config)));
    let calls = CallService::new(
        engines.clone(),
        gateway.clone(),
        call_store.clone(),
        applications.clone(),
        clock.clone(),
    );
    let calls = Arc::new(if config.interview.recording {
        calls.recording_to(recordings.clone())
    } else {
        calls
    });
    // Nobody else fills it.
    let _ = ender.0.set(Arc::downgrade(&calls));

    let analyses = Arc::new(SqliteAnalysisStore(db.clone()));
    let analysis = Arc::new(AnalysisService {
        calls: call_store.clone(),
        interviews: applications.clone(),
        analyses: analyses.clone(),
        embedder: embedder.clone(),
        model: llm.as_ref().filter(|_| config.analysis.llm).map(|llm| ModelScorer {
            model: llm.model.clone(),
            prompts: prompts.clone(),
            runs: config.analysis.runs,
        }),
        clock: clock.clone(),
    });
    let vectors = Arc::new(SqliteEmbeddingStore(db.clone()));
    outside::look_at_vectors(&*vectors, &embedder.model()).await?;
    let embeddings = Arc::new(Embeddings {
        applications: applications.clone(),
        embedder: embedder.clone(),
        vectors: vectors.clone(),
    });
    let speed = agent.style().speed;
    let prepare_voice = Arc::new(PrepareVoice {
        applications: applications.clone(),
        voice: voice.clone(),
        speed,
        stopping: stopping.clone(),
    });
    // Answers of an earlier configuration are forgotten too, also where none are kept any more.
    let forget_replies = Arc::new(ForgetReplies {
        calls: call_store.clone(),
        replies,
    });
    let subscriptions = subscriptions::all(Subscribers {
        applications: applications.clone(),
        embeddings,
        prepare_voice,
        analysis,
        forget_replies,
    });
    let runner = JobRunner::new(db.clone(), clock.clone(), subscriptions, RunnerConfig::default());

    let demo = if config.server.demo {
        Some(demo_link(&applications).await.context("demo")?)
    } else {
        None
    };
    let vector_health = VectorHealth {
        vectors: vectors.clone(),
        configured: embedder.model(),
    };
    let second_look = mind::second_look(&config, &embedder, &tasks);
    let knowledge = Arc::new(RoleSearch {
        statements: Arc::new(Statements(application_store.clone())),
        embedder,
        vectors,
    });
    let llm_health = LlmHealth::of(llm.as_ref().map(|llm| llm.adapter.clone()));
    let mind = mind::open(&config.llm, llm.as_ref(), &agent, knowledge, prompts, second_look);
    let loading = Loading {
        config: config.clone(),
        agent: agent.clone(),
        models,
        runtime,
        remote,
        mind,
        tasks: tasks.clone(),
        demo: demo.as_ref().map(|d| (d.plan.clone(), d.facts.clone())),
        stopping: stopping.clone(),
    };
    let loading = tokio::spawn(loading.run(engines_ready, voice_ready, calls.clone()));

    let state = AppState {
        recruiter: recruiter.clone(),
        applications: ApplicationsState {
            service: applications.clone(),
            public_url: base_url.as_str().into(),
            ice_servers: [].into(),
            verdicts: analyses.clone(),
        },
        calls: CallsState {
            store: call_store,
            calls: calls.clone(),
            recordings,
        },
        interviews: InterviewsState {
            calls: calls.clone(),
            door: Arc::new(Door(applications.clone())),
            sockets: WebSocketAdapter::new(gateway.slots()),
        },
        analysis: AnalysisState {
            analyses,
            applications: Arc::new(Lookup(application_store)),
            recruiter: recruiter.clone(),
        },
        health: HealthState {
            parts: health::parts(&db, vector_health, llm_health, speech_health).into(),
        },
        costs: CostsState(request_log),
        jobs: runner.clone(),
        idempotency: idempotency.clone(),
        metrics,
    };
    Ok(Emma {
        base_url,
        local_url: opened.local_url,
        own_certificate: opened.own_certificate,
        recruiter,
        demo,
        entrance: opened.entrance,
        router: router::build(state),
        applications,
        calls,
        gateway,
        runner,
        db,
        idempotency,
        tasks,
        stopping,
        loading,
        _lock: lock,
    })
}

impl Emma {
    /// Serves until `stop` fires, gives running calls `drain` to end, and leaves everything stored.
    pub async fn serve(self, stop: CancellationToken, drain: Duration) {
        let jobs_stop = CancellationToken::new();
        let jobs = tokio::spawn(self.runner.run(jobs_stop.clone()));
        let (calls, stopped, stopping) = (self.calls.clone(), stop.clone(), self.stopping);
        let draining = tokio::spawn(async move {
            stopped.cancelled().await;
            stopping.cancel();
            calls.shut_down(drain).await;
        });
        tokio::spawn(tidy_up(self.calls, self.applications, stop));
        // Calls end over their own connections: HTTP serves on while they do.
        let drained = async {
            if draining.await.is_err() {
                error!("running calls could not be waited for");
            }
        };
        self.entrance.serve(self.router, drained).await;
        if tokio::time::timeout(SETTLING, self.idempotency.settle()).await.is_err() {
            warn!("requests whose clients have gone did not end in time");
        }
        self.gateway.shut_down().await;
        jobs_stop.cancel();
        if tokio::time::timeout(Duration::from_secs(10), jobs).await.is_err() {
            warn!("background work did not stop in time; it is taken up again at the next start");
        }
        wait_for(self.loading).await;
        self.tasks.close();
        if tokio::time::timeout(LAST_TASKS, self.tasks.wait()).await.is_err() {
            warn!("something was still being prepared; it is begun anew at the next start");
        }
        self.db.close().await;
    }

    /// Leaves without having served.
    pub async fn abandon(self) {
        self.stopping.cancel();
        wait_for(self.loading).await;
        self.db.close().await;
    }
}

/// Waits until no model is being opened any more: a process that ends meanwhile breaks in the libraries that open them.
async fn wait_for(loading: JoinHandle<()>) {
    if tokio::time::timeout(LOADING, loading).await.is_err() {
        warn!("a model is still being opened");
    }
}

/// From time to time ends the calls that nobody can join any more and the screenings that cannot go on, takes up calls
/// whose session broke, and gives back memory while there are none.
async fn tidy_up(calls: Arc<CallService>, applications: Arc<ApplicationService>, stop: CancellationToken) {
    let mut clock = tokio::time::interval(TIDYING);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = clock.tick() => {}
        }
        if let Err(error) = calls.expire_unjoined().await {
            warn!(%error, "calls that wait in vain could not be ended; it is tried again");
        }
        if let Err(error) = applications.end_lapsed_screenings().await {
            warn!(%error, "interviews that broke off for good could not be ended; it is tried again");
        }
        if let Err(error) = calls.recover().await {
            warn!(%error, "calls without a session could not be taken up; it is tried again");
        }
        // What calls and rendering ahead have left; it takes a moment, so it waits until nobody hears it.
        if calls.is_idle() && tokio::task::spawn_blocking(memory::give_back).await.is_err() {
            warn!("memory could not be given back");
        }
    }
}

/// What is loaded while the server listens already.
struct Loading {
    config: Config,
    agent: Agent,
    models: crate::shared::models::ModelDir,
    runtime: OnnxRuntime,
    remote: RemoteSpeech,
    mind: Mind,
    tasks: TaskTracker,
    demo: Option<(InterviewPlan, Vec<RoleFact>)>,
    stopping: CancellationToken,
}

impl Loading {
    async fn run(
        self,
        engines_ready: watch::Sender<Option<Engines>>,
        voice_ready: watch::Sender<Option<Arc<engines::EmmaVoice>>>,
        calls: Arc<CallService>,
    ) {
        let style = self.agent.style();
        let (ears, voice) = match self.load(&style.voice).await {
            _ if self.stopping.is_cancelled() => return,
            Ok(loaded) => loaded,
            Err(error) => return error!("no interview can be held: {error:#}; `emma doctor` says more"),
        };
        let voice = Arc::new(voice);
        let engines = Engines {
            voice_activity: ears.voice_activity,
            turn_judge: ears.turn_judge,
            speech_to_text: self.remote.ears(ears.speech_to_text),
            text_to_speech: self.remote.voice(voice.cached.clone()),
            interviewer: self.mind.interviewer,
            background: Arc::new(glue::Gate(voice.queue.gate())),
            style: VoiceStyle {
                voice: voice.voice.clone(),
                ..style.clone()
            },
            limits: self.agent.limits(),
            reconnect_grace: Duration::from_secs(self.config.interview.reconnect_grace_s),
            versions: mind::versions(self.mind.versions, &self.config.speech, &voice, style.speed),
        };
        engines_ready.send_replace(Some(engines));
        voice_ready.send_replace(Some(voice.clone()));
        info!("ready for interviews");
        if let Some((plan, facts)) = &self.demo {
            prepare::prepare(&voice, plan, facts, style.speed, &self.stopping);
        }
        if let Err(error) = calls.recover().await {
            error!(%error, "calls of the last run could not be taken up");
        }
        // The senders live as long as somebody may wait for them.
        tokio::select! {
            () = engines_ready.closed() => {}
            () = self.stopping.cancelled() => {}
        }
    }

    /// The ears first: the voice is measured when nothing else is being loaded.
    async fn load(&self, voice: &str) -> anyhow::Result<(engines::Ears, engines::EmmaVoice)> {
        let (speech, models, runtime) = (self.config.speech.clone(), self.models.clone(), self.runtime.clone());
        let stop = self.stopping.clone();
        let ears = tokio::task::spawn_blocking(move || open_ears(&speech, &models, &runtime, &stop)).await??;
        let (data_dir, tasks) = (&self.config.server.data_dir, self.tasks.clone());
        let voice = open_voice(&self.config.speech, voice, data_dir, &self.models, &self.runtime, tasks).await?;
        Ok((ears, voice))
    }
}

fn link_terms(config: &Config) -> LinkTerms {
    LinkTerms {
        valid_for: TimeDelta::hours(i64::from(config.interview.invitation_hours)),
        ..LinkTerms::default()
    }
}

fn web_rtc(config: &Config) -> WebRtcConfig {
    let media = &config.media;
    WebRtcConfig {
        advertised: media.advertised_ip.into_iter().collect(),
        udp_ports: (media.udp_port_min != 0).then_some(media.udp_port_min..=media.udp_port_max),
        max_connections: media.max_calls,
        ..WebRtcConfig::default()
    }
}

/// The database file of this configuration.
///
/// # Errors
/// When the data directory cannot be made.
pub fn database_file(config: &Config) -> anyhow::Result<PathBuf> {
    let dir = &config.server.data_dir;
    std::fs::create_dir_all(dir).with_context(|| format!("data directory {} cannot be made", dir.display()))?;
    Ok(database_path(&config.server))
}

/// Where the database lies, whether it is there or not.
pub fn database_path(server: &config::Server) -> PathBuf {
    let url = server.database_url.as_deref();
    let path = url.map(|url| url.trim_start_matches("sqlite:").trim_start_matches("//"));
    path.map_or_else(|| server.data_dir.join("emma.db"), PathBuf::from)
}

/// Opens the database and brings it up to date.
///
/// # Errors
/// When it cannot be opened.
pub async fn open_database(file: &Path) -> anyhow::Result<Db> {
    Db::open(file)
        .await
        .with_context(|| format!("database {}", file.display()))
}
