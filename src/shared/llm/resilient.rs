//! Tries again, then tries another model; only as long as nothing of the answer has been handed on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use crate::shared::llm::{ChatEvent, ChatModel, ChatRequest, LlmError, Purpose};

/// How patient.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the first word of an answer somebody is waiting for; other answers may take their whole time.
    pub first_token: Duration,
    /// Tries of the first model; the fallback has one.
    pub tries: u32,
    /// Pause before the second try; doubles with each, give or take half of it.
    pub pause: Duration,
    /// A server that asks for a longer pause is left alone.
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_token: Duration::from_millis(2_500),
            tries: 2,
            pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(20),
        }
    }
}

/// A model that is asked again when it fails, and another one after that.
pub struct Resilient {
    pub model: Arc<dyn ChatModel>,
    pub fallback: Option<Arc<dyn ChatModel>>,
    pub patience: Patience,
}

type Events = mpsc::Receiver<Result<ChatEvent, LlmError>>;

#[async_trait]
impl ChatModel for Resilient {
    async fn stream(&self, request: ChatRequest) -> Result<Events, LlmError> {
        let deadline = Instant::now() + request.timeout;
        let mut error = match self.several_tries(&request, deadline).await {
            Ok(events) => return Ok(events),
            Err(error) => error,
        };
        // A key that is refused is refused for every model of the server.
        let helps = !matches!(error, LlmError::Unauthorized) && Instant::now() < deadline;
        if let Some(fallback) = self.fallback.as_ref().filter(|_| helps) {
            info!(cause = error.kind(), "the fallback model is asked");
            metrics::counter!("emma_llm_fallbacks_total").increment(1);
            error = match self.one_try(&**fallback, &request, deadline).await {
                Ok(first) => return Ok(first.forwarded(Some(fallback.model()))),
                Err(error) => error,
            };
        }
        Err(error)
    }

    fn model(&self) -> &str {
        self.model.model()
    }
}

impl Resilient {
    async fn several_tries(&self, request: &ChatRequest, deadline: Instant) -> Result<Events, LlmError> {
        let mut pause = self.patience.pause;
        let mut tries = 1;
        loop {
            let error = match self.one_try(&*self.model, request, deadline).await {
                Ok(first) => return Ok(first.forwarded(None)),
                Err(error) => error,
            };
            warn!(cause = error.kind(), tries, "the language model failed");
            if tries >= self.patience.tries || !error.is_transient() {
                return Err(error);
            }
            let jittered = pause.mul_f64(0.5 + rand::random::<f64>());
            let asked = match error {
                LlmError::Overloaded { retry_after } => retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            let wait = jittered.max(asked);
            if wait > self.patience.longest_pause || Instant::now() + wait >= deadline {
                return Err(error);
            }
            sleep(wait).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// Waits for the first event, so that a failure before it can still be mended.
    async fn one_try(
        &self,
        model: &dyn ChatModel,
        request: &ChatRequest,
        deadline: Instant,
    ) -> Result<Begun, LlmError> {
        let now = Instant::now();
        let first_by = match request.purpose {
            Purpose::Interview => deadline.min(now + self.patience.first_token),
            Purpose::Plan | Purpose::Evidence | Purpose::Scoring | Purpose::Summary => deadline,
        };
        let request = ChatRequest {
            timeout: deadline.saturating_duration_since(now),
            ..request.clone()
        };
        let opened = async {
            let mut events = model.stream(request).await?;
            match events.recv().await {
                Some(Ok(first)) => Ok((first, events)),
                Some(Err(error)) => Err(error),
                None => Err(LlmError::Unavailable("the stream ended early".to_owned())),
            }
        };
        let (first, rest) = timeout_at(first_by, opened).await.unwrap_or(Err(LlmError::TimedOut))?;
        Ok(Begun { first, rest, deadline })
    }
}

/// An answer of which the first event has come.
struct Begun {
    first: ChatEvent,
    rest: Events,
    deadline: Instant,
}

impl Begun {
    /// All events, until the whole time is up; `by` is the model, where it is not the one that was asked first.
    fn forwarded(self, by: Option<&str>) -> Events {
        let Self {
            first,
            mut rest,
            deadline,
        } = self;
        let by = by.map(|model| ChatEvent::AnsweredBy(model.to_owned()));
        // Bounded: the model waits for a slow reader.
        let (events, receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            for event in by.into_iter().chain([first]) {
                if events.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            loop {
                let next = tokio::select! {
                    biased;
                    () = events.closed() => return,
                    next = timeout_at(deadline, rest.recv()) => next,
                };
                let event = match next {
                    Ok(Some(event)) => event,
                    Ok(None) => return,
                    Err(_) => Err(LlmError::TimedOut),
                };
                let over = event.is_err();
                if events.send(event).await.is_err() || over {
                    return;
                }
            }
        });
        receiver
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use crate::shared::llm::{FinishReason, Usage, complete};

    /// What a scripted model does with one request.
    enum Act {
        Refuse(LlmError),
        Say(&'static str),
        /// Says half of it and fails.
        Break(&'static str),
        Hang,
    }

    #[derive(Default)]
    struct Scripted {
        name: &'static str,
        acts: Mutex<VecDeque<Act>>,
        asked: Mutex<Vec<Instant>>,
        held: Mutex<Vec<mpsc::Sender<Result<ChatEvent, LlmError>>>>,
    }

    impl Scripted {
        fn new(acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
            Self::named("scripted", acts)
        }

        fn named(name: &'static str, acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
            Arc::new(Self {
                name,
                acts: Mutex::new(acts.into_iter().collect()),
                ..Self::default()
            })
        }

        fn times(&self) -> Vec<Instant> {
            self.asked.lock().expect("unpoisoned").clone()
        }
    }

    #[async_trait]
    impl ChatModel for Scripted {
        async fn stream(&self, _: ChatRequest) -> Result<Events, LlmError> {
            self.asked.lock().expect("unpoisoned").push(Instant::now());
            let act = self
                .acts
                .lock()
                .expect("unpoisoned")
                .pop_front()
                .expect("no more requests");
            let (events, receiver) = mpsc::channel(8);
            let end = ChatEvent::Finished {
                reason: FinishReason::Stop,
                usage: Usage::default(),
            };
            match act {
                Act::Refuse(error) => return Err(error),
                Act::Say(text) => {
                    events.try_send(Ok(ChatEvent::Text(text.to_owned()))).expect("room");
                    events.try_send(Ok(end)).expect("room");
                }
                Act::Break(text) => {
                    events.try_send(Ok(ChatEvent::Text(text.to_owned()))).expect("room");
                    events
                        .try_send(Err(LlmError::Unavailable("cut".to_owned())))
                        .expect("room");
                }
                Act::Hang => self.held.lock().expect("unpoisoned").push(events),
            }
            Ok(receiver)
        }

        fn model(&self) -> &'static str {
            self.name
        }
    }

    fn request() -> ChatRequest {
        ChatRequest {
            purpose: Purpose::Interview,
            subject: None,
            prompt: "test.v1".to_owned(),
            messages: Vec::new(),
            tools: Vec::new(),
            schema: None,
            max_tokens: 100,
            temperature: 0.0,
            seed: None,
            timeout: Duration::from_secs(10),
        }
    }

    fn resilient(model: &Arc<Scripted>, fallback: Option<&Arc<Scripted>>) -> Resilient {
        Resilient {
            model: model.clone(),
            fallback: fallback.map(|f| f.clone() as Arc<dyn ChatModel>),
            patience: Patience::default(),
        }
    }

    fn overloaded(seconds: u64) -> Act {
        Act::Refuse(LlmError::Overloaded {
            retry_after: Some(Duration::from_secs(seconds)),
        })
    }

    // spec: EMMA-8
    #[tokio::test(start_paused = true)]
    async fn an_overloaded_server_is_asked_again_after_the_time_it_names() {
        let model = Scripted::new([overloaded(3), Act::Say("Hello.")]);
        let answer = complete(&resilient(&model, None), request()).await.expect("an answer");
        assert_eq!(answer.text, "Hello.");
        let times = model.times();
        assert!(
            times[1] - times[0] >= Duration::from_secs(3),
            "{:?}",
            times[1] - times[0]
        );
    }

    // spec: EMMA-8
    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_too_long_a_pause_is_left_for_the_fallback() {
        let (model, fallback) = (Scripted::new([overloaded(60)]), Scripted::new([Act::Say("Hi.")]));
        let answer = complete(&resilient(&model, Some(&fallback)), request())
            .await
            .expect("an answer");
        assert_eq!((answer.text.as_str(), model.times().len()), ("Hi.", 1));
    }

    // spec: EMMA-8
    #[tokio::test]
    async fn an_answer_names_the_model_that_gave_it() {
        let refused = || Act::Refuse(LlmError::Rejected("no".to_owned()));
        let second = Scripted::named("second", [Act::Say("Hi.")]);
        let first = Scripted::named("first", [Act::Say("Hello."), refused()]);
        let both = resilient(&first, Some(&second));
        let answer = complete(&both, request()).await.expect("an answer");
        assert_eq!((answer.text.as_str(), answer.model.as_str()), ("Hello.", "first"));
        let answer = complete(&both, request()).await.expect("an answer");
        assert_eq!((answer.text.as_str(), answer.model.as_str()), ("Hi.", "second"));
        assert_eq!(both.model(), "first");
    }

    // spec: EMMA-8
    #[tokio::test(start_paused = true)]
    async fn a_model_that_is_silent_is_given_up_at_the_first_token_limit() {
        let (model, fallback) = (Scripted::new([Act::Hang, Act::Hang]), Scripted::new([Act::Say("Hi.")]));
        let began = Instant::now();
        let answer = complete(&resilient(&model, Some(&fallback)), request())
            .await
            .expect("an answer");
        assert_eq!(answer.text, "Hi.");
        let took = began.elapsed();
        assert!(
            (5_000..5_400).contains(&took.as_millis()),
            "two tries of 2.5 s and a pause: {took:?}"
        );
    }

    // spec: EMMA-8
    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_again_once_a_word_was_handed_on() {
        let (model, fallback) = (Scripted::new([Act::Break("Half a")]), Scripted::new([Act::Say("Hi.")]));
        let error = complete(&resilient(&model, Some(&fallback)), request())
            .await
            .expect_err("cut");
        assert_eq!((error.kind(), fallback.times().len()), ("unavailable", 0));
    }

    // spec: EMMA-8
    #[tokio::test(start_paused = true)]
    async fn what_cannot_get_better_is_not_tried_again() {
        let refused = Act::Refuse(LlmError::Rejected("no such model".to_owned()));
        let (model, fallback) = (Scripted::new([refused]), Scripted::new([Act::Say("Hi.")]));
        assert!(complete(&resilient(&model, Some(&fallback)), request()).await.is_ok());
        assert_eq!(model.times().len(), 1);
        let (model, fallback) = (Scripted::new([Act::Refuse(LlmError::Unauthorized)]), Scripted::new([]));
        let error = complete(&resilient(&model, Some(&fallback)), request())
            .await
            .expect_err("no key");
        assert_eq!((error, fallback.times().len()), (LlmError::Unauthorized, 0));
    }
}
