//! `docs/traceability.md` against the tests: what is called done has a test that names it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Requirement ids that stand in a `spec:` comment of a test, Rust or JavaScript.
fn tested() -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for folder in ["src", "tests"] {
        for file in walkdir::WalkDir::new(root().join(folder))
            .into_iter()
            .filter_map(Result::ok)
        {
            let path = file.path();
            let is_code = path.extension().is_some_and(|e| e == "rs" || e == "mjs" || e == "js");
            if !is_code || path.components().any(|c| c.as_os_str() == "node_modules") {
                continue;
            }
            let text = std::fs::read_to_string(path).expect("readable");
            for line in text.lines() {
                let Some((_, list)) = line.split_once("// spec:") else {
                    continue;
                };
                ids.extend(list.split(',').map(str::trim).filter(|id| is_id(id)).map(str::to_owned));
            }
        }
    }
    ids
}

/// Capital letters, a dash, a number: `CALL-3`.
fn is_id(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(name, number)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase()) && number.parse::<u32>().is_ok()
    })
}

/// Rows `| ID | state | code | test |`.
fn claimed() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("docs/traceability.md")).expect("docs/traceability.md");
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
            let [id, state, ..] = cells.as_slice() else { return None };
            is_id(id).then(|| ((*id).to_owned(), (*state).to_owned()))
        })
        .collect()
}

#[test]
fn what_is_done_has_a_test_that_names_it() {
    let tested = tested();
    let untested: Vec<_> = claimed()
        .into_iter()
        .filter(|(id, state)| state.starts_with("done") && !tested.contains(id))
        .collect();
    assert!(
        untested.is_empty(),
        "called done, but no test says `// spec: ID`: {untested:?}"
    );
}

#[test]
fn every_requirement_a_test_names_is_in_the_table() {
    let claimed = claimed();
    assert!(
        claimed.len() > 40,
        "the table holds every requirement; {} were read",
        claimed.len()
    );
    let unknown: Vec<_> = tested().into_iter().filter(|id| !claimed.contains_key(id)).collect();
    assert!(
        unknown.is_empty(),
        "tests name requirements the table does not have: {unknown:?}"
    );
}

#[test]
fn states_are_the_known_ones() {
    let odd: Vec<_> = claimed()
        .into_iter()
        .filter(|(_, state)| {
            !["done", "partly", "planned", "later"]
                .iter()
                .any(|known| state.starts_with(known))
        })
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
}
