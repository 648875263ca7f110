//! Requests that are sent again with their key, as clients really do: with another boundary, or after they went away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use emma::shared::http::auth::RecruiterToken;
use emma::shared::http::idempotency::{Idempotency, idempotent};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::app::{Answer, App, RECRUITER, TestDb};
use crate::fakes::eventually;

// spec: APP-1, APP-3
#[tokio::test]
async fn the_same_upload_with_another_boundary_is_the_same_request() {
    let app = App::start().await;
    let upload = async |boundary: &str, kind: &str, lines: &str| -> Answer {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"organization\"\r\n\r\nAcme\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n{lines}\r\n--{boundary}--\r\n"
        );
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/v1/job-offers")
            .header(header::AUTHORIZATION, format!("Bearer {RECRUITER}"))
            .header(header::CONTENT_TYPE, kind)
            .header("idempotency-key", "one upload");
        app.send(request.body(Body::from(body)).expect("a request")).await
    };
    let lines = "# Clerk\n\n## Requirements\n- Sorts letters\n";
    let first = upload("----a1", "multipart/form-data; boundary=----a1", lines).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    for (boundary, kind) in [
        ("----b2", "multipart/form-data; boundary=----b2"),
        ("c=3", "Multipart/Form-Data; charset=utf-8; Boundary=\"c=3\""),
    ] {
        let again = upload(boundary, kind, lines).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{boundary}");
        assert_eq!(again.header("idempotency-replayed"), "true");
    }
    let offers = app.get("/api/v1/job-offers").await.json();
    assert_eq!(offers["items"].as_array().expect("a list").len(), 1);

    // Another file is another request, also one whose lines look like a boundary.
    for other in ["# Clerk\n\n## Requirements\n- Reads letters\n", &format!("\n{lines}")] {
        upload("----d4", "multipart/form-data; boundary=----d4", other)
            .await
            .is_problem(422, "idempotency-key-reused");
    }
}

/// Something that is made slowly, and breaks when told so.
struct Slow {
    router: Router,
    begun: Arc<AtomicUsize>,
    go_on: Arc<Semaphore>,
    _base: TestDb,
}

impl Slow {
    async fn start(breaks: impl Fn(usize) -> bool + Clone + Send + Sync + 'static) -> Self {
        let base = TestDb::open().await;
        let recruiter = RecruiterToken::given(RECRUITER.to_owned().into());
        let memory = Idempotency::new(base.db.clone(), base.clock.clone(), &recruiter);
        let (begun, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (count, gate) = (begun.clone(), go_on.clone());
        let make = async move || {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            gate.acquire().await.expect("open").forget();
            assert!(!breaks(number), "told to break");
            (StatusCode::CREATED, number.to_string())
        };
        Self {
            router: Router::new()
                .route("/", post(make))
                .layer(from_fn_with_state(memory, idempotent)),
            begun,
            go_on,
            _base: base,
        }
    }

    async fn send(&self) -> (StatusCode, String) {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header("idempotency-key", "k")
            .body(Body::empty())
            .expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("infallible");
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("whole");
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends the request and goes away when it is being worked on.
    async fn send_and_leave(&self) {
        tokio::select! {
            answer = self.send() => panic!("answered: {answer:?}"),
            () = eventually("begun", async || self.begun.load(Ordering::SeqCst) == 1) => {}
        }
    }
}

// spec: APP-1
#[tokio::test]
async fn a_request_whose_client_went_away_is_finished_once_and_its_answer_kept() {
    let slow = Slow::start(|_| false).await;
    slow.send_and_leave().await;
    assert_eq!(slow.send().await.0, StatusCode::CONFLICT, "the first is still at work");
    slow.go_on.add_permits(1);
    eventually("the first answer", async || {
        slow.send().await == (StatusCode::CREATED, "1".to_owned())
    })
    .await;
    assert_eq!(slow.begun.load(Ordering::SeqCst), 1, "made once");
}

// spec: APP-1
#[tokio::test]
async fn a_request_that_broke_frees_its_key() {
    let slow = Slow::start(|number| number == 1).await;
    slow.go_on.add_permits(2);
    assert_eq!(slow.send().await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(slow.send().await, (StatusCode::CREATED, "2".to_owned()));

    // Also when nobody waits for it any more.
    let slow = Slow::start(|number| number == 1).await;
    slow.send_and_leave().await;
    slow.go_on.add_permits(2);
    eventually("another try", async || {
        slow.send().await == (StatusCode::CREATED, "2".to_owned())
    })
    .await;
}
