//! What this server keeps and reads at its start: the database, stored vectors, the agent, prompts, the certificate.

use std::path::Path;

use reqwest::Url;

use super::{Check, fail, ok, warn};
use crate::bootstrap::outside::model_of;
use crate::config::{self, Embeddings, Server, Telemetry, Tls};
use crate::screening::calls::infrastructure::agent_file::Agent;
use crate::shared::db::Db;
use crate::shared::embeddings::set::EmbeddingStore as _;
use crate::shared::embeddings::store::SqliteEmbeddingStore;
use crate::shared::http::entrance::certificate::Certificate;
use crate::shared::prompts::Prompts;

/// The database and what is in it. It is opened as it is: nothing is made and nothing brought up to date.
pub(super) async fn database(file: &Path, embeddings: &Embeddings) -> Vec<Check> {
    let (name, shown) = ("database", file.display());
    if !file.exists() {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        return vec![if folder.is_dir() {
            ok(name, format!("{shown} is made at the first start"))
        } else {
            fail(
                name,
                format!("{shown}: there is no folder {}", folder.display()),
                "make it, or set DATABASE_URL to another file",
            )
        }];
    }
    let advice = "check its owner and mode, or set DATABASE_URL to another file, e.g. sqlite:///srv/emma.db";
    let db = match Db::open_existing(file).await {
        Ok(db) => db,
        Err(error) => return vec![fail(name, format!("{shown}: {error}"), advice)],
    };
    let checks = match db.try_writing().await {
        Ok(()) => vec![
            ok(name, format!("{shown} can be written")),
            vectors(&db, embeddings).await,
        ],
        Err(error) => vec![fail(name, format!("{shown}: {error}"), advice)],
    };
    db.close().await;
    checks
}

async fn vectors(db: &Db, embeddings: &Embeddings) -> Check {
    let name = "vectors";
    let stored = match SqliteEmbeddingStore(db.clone()).models().await {
        Ok(stored) => stored,
        Err(error) => return warn(name, error.to_string(), "run `emma migrate`, and look again"),
    };
    let configured = model_of(embeddings);
    let others = stored.iter().filter(|(model, _)| Some(model) != configured.as_ref());
    let others: Vec<String> = others
        .map(|(model, sets)| format!("{sets} of {}", model.name))
        .collect();
    if others.is_empty() {
        let sets: u64 = stored.iter().map(|(_, sets)| sets).sum();
        ok(name, format!("{sets} sets, all of the configured model"))
    } else {
        warn(
            name,
            format!("another model made {}: they are not used", others.join(", ")),
            "run `emma embeddings rebuild`, or set EMBEDDING_MODEL to that model",
        )
    }
}

pub(super) fn agent(file: Option<&Path>) -> Check {
    let name = "agent";
    match Agent::load(file) {
        Ok(agent) => ok(name, format!("{}, {}", agent.name, agent.version)),
        Err(error) => fail(
            name,
            format!("{error:#}"),
            "mend the file that EMMA_AGENT names, by the example of agents/emma.toml; without EMMA_AGENT the built-in \
             one is used",
        ),
    }
}

pub(super) fn prompts(dir: Option<&Path>) -> Check {
    let name = "prompts";
    match (Prompts::load(dir), dir) {
        (Ok(_), None) => ok(name, "built in"),
        (Ok(_), Some(dir)) => ok(name, format!("those in {} replace the built-in ones", dir.display())),
        (Err(error), _) => fail(
            name,
            error.to_string(),
            "mend what is in the directory that EMMA_PROMPTS names; without EMMA_PROMPTS the built-in ones are used",
        ),
    }
}

pub(super) fn certificate(server: &Server) -> Check {
    let name = "certificate";
    let (Some(certificate), Some(key)) = (&server.tls_cert, &server.tls_key) else {
        return ok(name, "none given: one is made where it is needed");
    };
    match Certificate::given(certificate, key) {
        Ok(_) if server.tls == Tls::Off => warn(
            name,
            format!("{} is given, but https is off", certificate.display()),
            "set EMMA_TLS to auto or on",
        ),
        Ok(_) => ok(name, format!("{} and its key fit", certificate.display())),
        Err(error) => fail(
            name,
            error.to_string(),
            "EMMA_TLS_CERT is the certificate with its chain, EMMA_TLS_KEY its key, both PEM and readable for this user",
        ),
    }
}

pub(super) fn traces(telemetry: &Telemetry) -> Check {
    let name = "traces";
    let Some(endpoint) = telemetry.otlp_endpoint.as_deref().filter(|url| !url.is_empty()) else {
        return ok(name, "no collector configured: none are made");
    };
    let advice =
        "set OTEL_EXPORTER_OTLP_ENDPOINT to the collector's address for OTLP over HTTP, e.g. http://127.0.0.1:4318";
    match Url::parse(endpoint) {
        Ok(url) if url.path().trim_end_matches('/').ends_with("/v1/traces") => {
            warn(name, format!("{endpoint}: /v1/traces is added to it once more"), advice)
        }
        // What ports are for by custom: 4317 takes gRPC.
        Ok(url) if url.port() == Some(4317) => warn(
            name,
            format!("{endpoint}: collectors take OTLP over gRPC at this port, not over HTTP"),
            advice,
        ),
        Ok(_) => ok(name, format!("sent to {endpoint}")),
        Err(error) => fail(name, format!("{endpoint}: {error}"), advice),
    }
}

/// What is set and does nothing.
pub(super) fn unused() -> Option<Check> {
    let told = config::ignored()?;
    Some(warn("environment", told, "unset it"))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::config::Config;
    use crate::shared::clock::{Clock as _, SystemClock};
    use crate::shared::embeddings::EmbeddingModel;
    use crate::shared::embeddings::set::EmbeddingSet;

    fn states(checks: &[Check]) -> Vec<(&str, State)> {
        checks.iter().map(|check| (check.name, check.state)).collect()
    }

    // spec: OPS-3
    #[tokio::test]
    async fn the_database_is_opened_as_it_is_and_its_vectors_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let (file, config) = (dir.path().join("emma.db"), Config::default().embeddings);
        assert_eq!(states(&database(&file, &config).await), [("database", State::Ok)]);
        assert!(!file.exists(), "doctor makes none");
        let nowhere = dir.path().join("no/emma.db");
        assert_eq!(states(&database(&nowhere, &config).await), [("database", State::Fail)]);
        let broken = dir.path().join("broken.db");
        std::fs::write(&broken, "this is no database".repeat(1_000)).unwrap();
        let checks = database(&broken, &config).await;
        assert_eq!(states(&checks), [("database", State::Fail)]);
        assert!(checks[0].advice.as_ref().unwrap().contains("DATABASE_URL"));

        let db = Db::open(&file).await.unwrap();
        let fine = [("database", State::Ok), ("vectors", State::Ok)];
        assert_eq!(states(&database(&file, &config).await), fine, "a server runs on it");
        let other = EmbeddingModel {
            name: "other".to_owned(),
            dimension: 1,
        };
        let set = EmbeddingSet::new(other, &[("a".to_owned(), "b".to_owned())], vec![vec![1.0]]).unwrap();
        let store = SqliteEmbeddingStore(db.clone());
        store.put("job_1", &set, SystemClock.now()).await.unwrap();
        let checks = database(&file, &config).await;
        assert_eq!(states(&checks), [("database", State::Ok), ("vectors", State::Warn)]);
        assert!(checks[1].advice.as_ref().unwrap().contains("emma embeddings rebuild"));

        // Nothing of the try is left behind.
        let tried = "SELECT count(*) FROM sqlite_schema WHERE name = 'a_try'";
        let (left,): (i64,) = sqlx::query_as(tried).fetch_one(db.reader()).await.unwrap();
        assert_eq!(left, 0);
    }

    // spec: OPS-3
    #[test]
    fn files_of_the_configuration_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let bad = dir.path().join("bad.toml");
        std::fs::write(&bad, "name = 1").unwrap();
        assert_eq!(agent(None).state, State::Ok);
        for file in [&bad, &dir.path().join("missing.toml")] {
            let check = agent(Some(file));
            assert_eq!(check.state, State::Fail);
            assert!(check.advice.unwrap().contains("EMMA_AGENT"));
        }
        assert_eq!(prompts(None).state, State::Ok);
        assert_eq!(prompts(Some(dir.path())).state, State::Ok);
        std::fs::write(dir.path().join("interviewer.v9.md.jinja"), "{{ nobody.knows }}").unwrap();
        for dir in [dir.path().to_owned(), dir.path().join("missing")] {
            let check = prompts(Some(&dir));
            assert_eq!(check.state, State::Fail);
            assert!(check.advice.unwrap().contains("EMMA_PROMPTS"));
        }

        let mut server = Config::default().server;
        assert_eq!(certificate(&server).state, State::Ok);
        let made = Certificate::own(dir.path(), &["localhost".to_owned()], SystemClock.now().date_naive()).unwrap();
        server.tls_key = Some(made.file.with_extension("key"));
        server.tls_cert = Some(made.file);
        assert_eq!(certificate(&server).state, State::Ok);
        server.tls = Tls::Off;
        assert_eq!(certificate(&server).state, State::Warn);
        server.tls_key = Some(bad);
        let check = certificate(&server);
        assert_eq!(check.state, State::Fail);
        assert!(check.advice.unwrap().contains("EMMA_TLS_KEY"));
    }

    // spec: OPS-3
    #[test]
    fn the_collectors_address_has_the_right_shape() {
        for (address, state) in [
            ("", State::Ok),
            ("http://127.0.0.1:4318", State::Ok),
            ("https://collector.example.com/otlp", State::Ok),
            ("http://127.0.0.1:4317", State::Warn),
            ("http://127.0.0.1:4318/v1/traces", State::Warn),
            ("http://", State::Fail),
            ("http://a b", State::Fail),
        ] {
            let telemetry = Telemetry {
                otlp_endpoint: Some(address.to_owned()),
            };
            assert_eq!(traces(&telemetry).state, state, "{address}");
        }
    }
}
