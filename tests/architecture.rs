//! The house rules of `docs/architecture.md`, checked against the code itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// Longer files have more than one reason to exist.
const MAX_LINES: usize = 600;

/// Outside of infrastructure, only these may name what is inside it: the composition root, the list of routes, and the
/// commands that measure or look after the engines themselves.
const MAY_NAME_ADAPTERS: [&str; 4] = ["src/bootstrap", "src/router", "src/bench/", "src/cli/"];

struct Source {
    path: String,
    lines: usize,
    /// Every path that is imported, or starts with `crate` or `super`, e.g. `crate::shared::ids::EventId`.
    paths: BTreeSet<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    walkdir::WalkDir::new(root.join("src"))
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path: &PathBuf| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("readable");
            let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let mut found = Paths::default();
            found.visit_file(&file);
            let path = path
                .strip_prefix(root)
                .expect("inside")
                .to_string_lossy()
                .replace('\\', "/");
            Source {
                path,
                lines: text.lines().count(),
                paths: found.0,
            }
        })
        .collect()
}

#[derive(Default)]
struct Paths(BTreeSet<String>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        flatten(&item.tree, "", &mut self.0);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments.first().is_some_and(|s| s == "crate" || s == "super") {
            self.0.insert(segments.join("::"));
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // Tests may reach for whatever shows the rule they test.
        let is_test = module
            .attrs
            .iter()
            .any(|a| matches!(&a.meta, syn::Meta::List(l) if l.tokens.to_string() == "test"));
        if !is_test {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

fn flatten(tree: &syn::UseTree, before: &str, into: &mut BTreeSet<String>) {
    match tree {
        syn::UseTree::Path(p) => flatten(&p.tree, &format!("{before}{}::", p.ident), into),
        syn::UseTree::Name(n) => drop(into.insert(format!("{before}{}", n.ident))),
        syn::UseTree::Rename(r) => drop(into.insert(format!("{before}{}", r.ident))),
        syn::UseTree::Glob(_) => drop(into.insert(format!("{before}*"))),
        syn::UseTree::Group(g) => g.items.iter().for_each(|t| flatten(t, before, into)),
    }
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

/// The layer a path or a module path is in.
fn layer(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.split(['/', ':']).collect();
    ["domain", "application", "infrastructure"]
        .into_iter()
        .find(|l| parts.contains(l))
}

fn complain(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n{}", breaches.join("\n"));
}

#[test]
fn dependencies_point_from_infrastructure_to_application_to_domain() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|s| !is_test_file(&s.path)) {
        let forbidden: &[&str] = match layer(&source.path) {
            Some("domain") => &["application", "infrastructure"],
            Some("application") => &["infrastructure"],
            _ => &[],
        };
        for used in &source.paths {
            if layer(used).is_some_and(|l| forbidden.contains(&l)) {
                breaches.push(format!("{} uses {used}", source.path));
            }
        }
    }
    complain("a layer uses one further out", &breaches);
}

#[test]
fn only_the_composition_root_names_adapters() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|s| !is_test_file(&s.path)) {
        let may = layer(&source.path) == Some("infrastructure")
            || MAY_NAME_ADAPTERS.iter().any(|p| source.path.starts_with(p));
        if may {
            continue;
        }
        for used in source.paths.iter().filter(|p| layer(p) == Some("infrastructure")) {
            breaches.push(format!("{} names {used}", source.path));
        }
    }
    complain("an adapter is named outside the composition root", &breaches);
}

#[test]
fn the_domain_does_no_io_and_reads_no_clock() {
    let outside = [
        "sqlx",
        "axum",
        "reqwest",
        "tokio::fs",
        "tokio::net",
        "std::fs",
        "std::net",
        "std::time::Instant",
        "tracing",
        "figment",
    ];
    let mut breaches = Vec::new();
    for file in walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .into_iter()
        .filter_map(Result::ok)
    {
        let path = file.path().to_string_lossy().into_owned();
        if layer(&path) != Some("domain") || file.path().extension().is_none_or(|e| e != "rs") || is_test_file(&path) {
            continue;
        }
        let text = std::fs::read_to_string(file.path()).expect("readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for name in outside {
            let used = code.lines().map(str::trim_start).any(|line| {
                !line.starts_with("//")
                    && (line.contains(&format!("use {name}")) || line.contains(&format!("{name}::")))
            });
            if used {
                breaches.push(format!("{path} uses {name}"));
            }
        }
    }
    complain("domain code reaches outside", &breaches);
}

#[test]
fn files_are_short_enough_to_have_one_reason_to_exist() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|s| s.lines > MAX_LINES)
        .map(|s| format!("{}: {} lines", s.path, s.lines))
        .collect();
    complain("longer than 600 lines", &long);
}

/// The module a file is, e.g. `crate::shared::ids`.
fn module(path: &str) -> String {
    let path = path
        .trim_start_matches("src/")
        .trim_end_matches(".rs")
        .trim_end_matches("/mod");
    match path {
        "lib" | "main" => "crate".to_owned(),
        path => format!("crate::{}", path.replace('/', "::")),
    }
}

/// A path as it is from the crate's root.
fn absolute(path: &str, module: &str) -> Option<String> {
    let mut at = module;
    let mut rest = path;
    while let Some(above) = rest.strip_prefix("super::") {
        (at, rest) = (at.rsplit_once("::")?.0, above);
    }
    let rest = rest.strip_prefix("self::").unwrap_or(rest);
    Some(if rest.starts_with("crate::") {
        rest.to_owned()
    } else {
        format!("{at}::{rest}")
    })
}

#[test]
fn no_two_files_use_each_other() {
    let sources = sources();
    let modules: BTreeSet<String> = sources.iter().map(|s| module(&s.path)).collect();
    // The file that holds what a path names: the longest module the path begins with.
    let home = |path: &str| -> Option<String> {
        let mut at = path;
        loop {
            if modules.contains(at) {
                return Some(at.to_owned());
            }
            at = at.rsplit_once("::")?.0;
        }
    };
    let mut uses: BTreeSet<(String, String)> = BTreeSet::new();
    for source in sources.iter().filter(|s| !is_test_file(&s.path)) {
        let own = module(&source.path);
        let used = source.paths.iter().filter_map(|path| home(&absolute(path, &own)?));
        uses.extend(used.filter(|other| *other != own).map(|other| (own.clone(), other)));
    }
    let is_within = |inner: &str, outer: &str| inner.starts_with(&format!("{outer}::"));
    let circles: Vec<String> = uses
        .iter()
        .filter(|(a, b)| a < b && uses.contains(&(b.clone(), a.clone())))
        // A module and its parts belong together.
        .filter(|(a, b)| !is_within(a, b) && !is_within(b, a))
        .map(|(a, b)| format!("{a} and {b}"))
        .collect();
    complain("two files use each other", &circles);
}

#[test]
fn contexts_do_not_reach_into_each_others_adapters() {
    let context = |path: &str| -> Option<String> {
        let parts: Vec<&str> = path
            .split(['/', ':'])
            .filter(|p| !p.is_empty() && *p != "src" && *p != "crate")
            .collect();
        match parts.as_slice() {
            ["screening", module, ..] => Some(format!("screening/{module}")),
            ["knowledge", ..] => Some("knowledge".to_owned()),
            _ => None,
        }
    };
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|s| !is_test_file(&s.path)) {
        let Some(own) = context(&source.path) else { continue };
        for used in &source.paths {
            let other = context(used).filter(|c| *c != own);
            if other.is_some() && layer(used) == Some("infrastructure") {
                breaches.push(format!("{} uses {used}", source.path));
            }
        }
    }
    complain("a context uses another's adapters", &breaches);
}
