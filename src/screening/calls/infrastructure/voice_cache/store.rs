//! Where rendered clauses are kept: the ones used last in memory, prepared ones on disk.

use crate::shared::ids::fresh_hex;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tracing::warn;

use crate::screening::calls::infrastructure::voice_cache::format::Clause;

const EXTENSION: &str = "voice";

/// Name of a clause: the SHA-256 of all that makes its sound, in hexadecimal.
pub type Key = String;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub memory_bytes: usize,
    /// The oldest files go first.
    pub disk_bytes: u64,
}

impl Default for Limits {
    /// 64 MiB of memory hold 11 minutes of speech, 1 GiB on disk three hours.
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            disk_bytes: 1 << 30,
        }
    }
}

/// Clauses in memory and in one directory. Its methods block on the disk, but for [`recall`](Self::recall) and [`has`](Self::has).
pub struct Store {
    dir: PathBuf,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    memory: Shelf<Clause>,
    disk: Shelf<u64>,
}

impl Store {
    /// Opens a directory; it is made when missing. Files cut short by a crash are removed.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn open(dir: &Path, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let mut found: Vec<(SystemTime, Key, u64)> = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let name = path
                .file_stem()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(EXTENSION) => {
                    let about = fs::metadata(&path)?;
                    found.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), name, about.len()));
                }
                // A file that is being written by another process is written again by that one.
                Some("part") => drop(fs::remove_file(&path)),
                _ => {}
            }
        }
        found.sort();
        let mut state = State::default();
        for (_, key, size) in found {
            state.disk.put(key, size, size as usize);
        }
        let store = Self {
            dir: dir.to_owned(),
            limits,
            state: Mutex::new(state),
        };
        store.make_room();
        Ok(store)
    }

    /// A clause that is in memory.
    pub fn recall(&self, key: &str) -> Option<Clause> {
        self.lock().memory.get(key).cloned()
    }

    /// Whether a clause is in memory or on disk.
    pub fn has(&self, key: &str) -> bool {
        let state = self.lock();
        state.memory.entries.contains_key(key) || state.disk.entries.contains_key(key)
    }

    /// Whether a clause outlives this process.
    pub fn is_kept(&self, key: &str) -> bool {
        self.lock().disk.entries.contains_key(key)
    }

    /// A clause from memory, else from disk. A damaged file is removed.
    pub fn load(&self, key: &str) -> Option<Clause> {
        if let Some(clause) = self.recall(key) {
            return Some(clause);
        }
        self.lock().disk.get(key)?;
        let clause = fs::read(self.path(key)).ok().and_then(|bytes| Clause::decode(&bytes));
        if let Some(clause) = &clause {
            self.remember(key, clause.clone());
        } else {
            warn!(voice.key = key, "a cached clause is damaged and is rendered again");
            self.forget(key);
        }
        clause
    }

    /// Keeps a clause in memory.
    pub fn remember(&self, key: &str, clause: Clause) {
        let mut state = self.lock();
        let size = clause.size();
        state.memory.put(key.to_owned(), clause, size);
        while state.memory.bytes > self.limits.memory_bytes && state.memory.pop_oldest().is_some() {}
    }

    /// Keeps a clause on disk: written aside and renamed, so that a file is whole or not there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(&self, key: &str, clause: &Clause) -> io::Result<()> {
        let bytes = clause.encode();
        // The same sentence may be kept twice at once, by two preparations: each writes its own file aside.
        let aside = self.dir.join(format!("{key}.{}.part", fresh_hex()));
        let written = fs::File::create(&aside).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_data()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&aside, self.path(key))) {
            // Nothing more can be done about the rest of it.
            let _ = fs::remove_file(&aside);
            return Err(error);
        }
        self.lock().disk.put(key.to_owned(), bytes.len() as u64, bytes.len());
        self.make_room();
        Ok(())
    }

    /// Removes a clause everywhere.
    pub fn forget(&self, key: &str) {
        let mut state = self.lock();
        state.memory.remove(key);
        state.disk.remove(key);
        drop(state);
        // It may be gone already.
        let _ = fs::remove_file(self.path(key));
    }

    fn make_room(&self) {
        loop {
            let mut state = self.lock();
            if state.disk.bytes as u64 <= self.limits.disk_bytes {
                return;
            }
            let Some(key) = state.disk.pop_oldest() else { return };
            drop(state);
            let _ = fs::remove_file(self.path(&key));
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.dir.join(format!("{key}.{EXTENSION}"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Things in the order of their last use.
struct Shelf<T> {
    entries: HashMap<Key, (u64, usize, T)>,
    order: BTreeMap<u64, Key>,
    bytes: usize,
    turn: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            bytes: 0,
            turn: 0,
        }
    }
}

impl<T> Shelf<T> {
    fn put(&mut self, key: Key, value: T, size: usize) {
        self.remove(&key);
        self.turn += 1;
        self.bytes += size;
        self.order.insert(self.turn, key.clone());
        self.entries.insert(key, (self.turn, size, value));
    }

    fn get(&mut self, key: &str) -> Option<&T> {
        let (turn, _, value) = self.entries.get_mut(key)?;
        let key = self.order.remove(turn)?;
        self.turn += 1;
        *turn = self.turn;
        self.order.insert(self.turn, key);
        Some(value)
    }

    fn remove(&mut self, key: &str) {
        if let Some((turn, size, _)) = self.entries.remove(key) {
            self.order.remove(&turn);
            self.bytes -= size;
        }
    }

    fn pop_oldest(&mut self) -> Option<Key> {
        let (_, key) = self.order.pop_first()?;
        if let Some((_, size, _)) = self.entries.remove(&key) {
            self.bytes -= size;
        }
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Limits, Store};
    use crate::screening::calls::infrastructure::voice_cache::format::Clause;

    fn clause(len: usize) -> Clause {
        Clause {
            pcm: vec![7; len].into(),
            words: [].into(),
        }
    }

    #[test]
    fn kept_clauses_outlive_the_process_and_remembered_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Limits::default()).unwrap();
        store.keep("kept", &clause(100)).unwrap();
        store.remember("heard", clause(50));
        assert!(store.has("kept") && store.has("heard"));
        let again = Store::open(dir.path(), Limits::default()).unwrap();
        assert_eq!(again.load("kept"), Some(clause(100)));
        assert_eq!(again.recall("kept"), Some(clause(100)), "now in memory");
        assert!(!again.has("heard") && again.load("heard").is_none());
    }

    #[test]
    fn damaged_and_half_written_files_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Limits::default()).unwrap();
        store.keep("a", &clause(100)).unwrap();
        fs::write(dir.path().join("a.voice"), b"rubbish").unwrap();
        fs::write(dir.path().join("b.123.part"), b"half").unwrap();
        let store = Store::open(dir.path(), Limits::default()).unwrap();
        assert!(store.has("a"));
        assert_eq!(store.load("a"), None);
        assert!(!store.has("a"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let size = clause(1_000).encode().len() as u64;
        let limits = Limits {
            memory_bytes: 5_000,
            disk_bytes: 2 * size,
        };
        let store = Store::open(dir.path(), limits).unwrap();
        store.keep("a", &clause(1_000)).unwrap();
        store.keep("b", &clause(1_000)).unwrap();
        assert!(store.load("a").is_some());
        store.keep("c", &clause(1_000)).unwrap();
        assert!(store.is_kept("a") && !store.is_kept("b") && store.is_kept("c"));
        for key in ["x", "y", "z"] {
            store.remember(key, clause(1_000));
        }
        assert!(store.recall("x").is_none() && store.recall("y").is_some() && store.recall("z").is_some());
    }

    #[test]
    fn forgotten_clauses_are_gone_from_disk_too() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Limits::default()).unwrap();
        store.keep("a", &clause(10)).unwrap();
        store.forget("a");
        assert!(!store.has("a"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
