//! The checks that depend on their input alone, and those a temporary folder or socket can provoke.

use super::*;

const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

struct Frozen(DateTime<Utc>);

impl Clock for Frozen {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

#[test]
fn reads_available_memory_in_bytes() {
    let text = "MemTotal:       24000000 kB\nMemAvailable:    2048 kB\n";
    assert_eq!(memory_available(text), Some(2 * 1024 * 1024));
    assert_eq!(memory_available("MemTotal: 1 kB"), None);
}

#[test]
fn a_clock_before_the_build_is_a_failure() {
    assert_eq!(clock(&Frozen(DateTime::UNIX_EPOCH)).state, State::Fail);
    assert_eq!(clock(&SystemClock).state, State::Ok);
}

#[test]
fn a_data_folder_below_a_file_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(writable("data", &folder.path().join("new")).state, State::Ok);
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert_eq!(writable("data", &file.join("data")).state, State::Fail);
    assert_eq!(existing_parent(&folder.path().join("a/b/c")), folder.path());
}

// spec: OPS-3
#[tokio::test]
async fn a_port_somebody_else_listens_on_is_a_failure_that_names_the_option() {
    let other = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let taken = other.local_addr().unwrap().port();
    // Whoever connects is hung up on, so that nothing waits for an answer.
    std::thread::spawn(move || other.incoming().for_each(drop));

    let check = port(LOCALHOST, taken).await;

    assert_eq!(check.state, State::Fail);
    assert!(check.advice.unwrap().contains("EMMA_PORT"));
    assert_eq!(port(LOCALHOST, 0).await.state, State::Ok);
}

#[test]
fn counts_the_free_ports_of_the_audio_range() {
    let taken = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let only = taken.local_addr().unwrap().port();
    let mut media = Config::default().media;
    (media.udp_port_min, media.udp_port_max) = (only, only);
    assert_eq!(udp_ports(LOCALHOST, &media).state, State::Fail);
    drop(taken);
    assert_eq!(
        udp_ports(LOCALHOST, &media).state,
        State::Warn,
        "one port for many calls"
    );
    media.max_calls = 1;
    assert_eq!(udp_ports(LOCALHOST, &media).state, State::Ok);
}

#[test]
fn an_address_nobody_can_reach_is_noticed() {
    let any = IpAddr::from([0, 0, 0, 0]);
    assert_eq!(advertised(any, Some(any)).state, State::Fail);
    assert_eq!(advertised(any, Some(LOCALHOST)).state, State::Warn);
    assert_eq!(advertised(any, Some(IpAddr::from([203, 0, 113, 7]))).state, State::Ok);
    assert_eq!(advertised(LOCALHOST, None).state, State::Ok);
}

// spec: OPS-3
#[tokio::test]
async fn missing_models_are_a_failure_that_names_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let dir = ModelDir::new(folder.path().to_owned());
    let check = model_files(&dir, &Config::default().speech).await;
    assert_eq!(check.state, State::Fail);
    assert!(check.found.contains("silero_vad.onnx is missing"), "{}", check.found);
    assert_eq!(check.advice.as_deref(), Some("run `emma models pull`"));
}
