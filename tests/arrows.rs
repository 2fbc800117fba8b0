//! Holds the arrows of ARCHITECTURE.md: which room of the house may name which, and which library
//! lives where. A new arrow is a decision: change the table and the document together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room and the rooms it may name. What is not listed here may be named by nobody new.
const ARROWS: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("queueing", &[]),
    ("classify", &["engine"]),
    ("forecast", &["engine"]),
    ("clock", &["engine"]),
    ("settings", &[]),
    ("policy", &["engine", "settings"]),
    ("config", &["settings", "directory"]),
    ("directory", &[]),
    ("journal", &["engine"]),
    ("metrics", &["engine", "directory", "driver", "forecast"]),
    ("driver", &["engine", "journal", "clock", "forecast"]),
    ("corrector", &["driver", "coding", "directory", "engine"]),
    ("coding", &["directory", "engine"]),
    ("contact_plan", &["coding", "directory", "driver", "engine", "policy"]),
    ("costs", &["engine", "journal", "policy"]),
    (
        "api",
        &[
            "driver",
            "coding",
            "contact_plan",
            "costs",
            "engine",
            "directory",
            "journal",
            "forecast",
            "policy",
        ],
    ),
    ("web", &["driver", "metrics"]),
    ("rehearse", &["engine", "forecast", "policy", "api", "clock"]),
    (
        "server",
        &[
            "api",
            "clock",
            "config",
            "contact_plan",
            "corrector",
            "directory",
            "driver",
            "engine",
            "journal",
            "metrics",
            "policy",
            "web",
        ],
    ),
    (
        "cli",
        &[
            "api",
            "classify",
            "config",
            "directory",
            "engine",
            "journal",
            "policy",
            "queueing",
            "rehearse",
            "server",
            "clock",
            "coding",
            "settings",
        ],
    ),
    ("main", &["cli"]),
];

/// Libraries that live in certain rooms only.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("tonic", &["api", "server", "rehearse", "cli"]),
    ("tonic_health", &["api", "server"]),
    ("tonic_reflection", &["api"]),
    ("tonic_types", &["api", "cli"]),
    ("prost", &["api", "journal"]),
    ("prost_types", &["api", "cli", "rehearse"]),
    ("redis", &["directory"]),
    ("phonenumber", &["directory"]),
    ("rusqlite", &["journal", "directory"]),
    ("axum", &["web"]),
    ("prometheus_client", &["metrics", "web"]),
    ("clap", &["cli"]),
    ("toml", &["settings", "policy", "config"]),
    ("rand", &["rehearse", "cli"]),
];

/// What the engine must not touch: I/O, clocks, threads, chance.
const NOT_IN_ENGINE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net",
    "std::io",
    "std::time",
    "std::thread",
    "std::env",
    "rand::",
    "HashMap",
    "HashSet",
    "async ",
    "f64",
    "f32",
    "serde",
    "tracing",
];

/// Code lines of every source file, by room. Comments and test modules do not count.
fn rooms() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rooms: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the sources are here") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&src).expect("it is below src");
            let is_test = inside.components().any(|part| {
                matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "testing.rs"))
            });
            if path.extension().is_none_or(|ending| ending != "rs") || is_test {
                continue;
            }
            let first = inside.components().next().expect("it has a name");
            let room = first.as_os_str().to_str().expect("plain names").trim_end_matches(".rs");
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let code = text.split("#[cfg(test)]\nmod ").next().expect("the part before the tests");
            let code = code.lines().map(|line| line.split("//").next().expect("one part at least"));
            let code = code.collect::<Vec<_>>().join("\n");
            rooms.entry(room.to_owned()).or_default().push((path.clone(), code));
        }
    }
    rooms
}

/// The identifiers that follow `prefix` in `code`.
fn named_after<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(prefix)
        .filter(|(at, _)| !code[..*at].ends_with(word))
        .map(|(at, _)| {
            let rest = &code[at + prefix.len()..];
            &rest[..rest.find(|c: char| !word(c)).unwrap_or(rest.len())]
        })
        .collect()
}

#[test]
fn every_arrow_between_rooms_is_one_of_the_plan() {
    let mut wrong = Vec::new();
    for (room, files) in rooms() {
        if room == "lib" {
            continue;
        }
        let Some((_, may_name)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("room {room} is not in the plan"));
            continue;
        };
        for (path, code) in files {
            let mut named = named_after(&code, "crate::");
            named.extend(named_after(&code, "tierline::"));
            for other in named {
                let is_room = ARROWS.iter().any(|(name, _)| *name == other);
                if is_room && other != room && !may_name.contains(&other) {
                    wrong.push(format!("{}: {room} names {other}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows against the plan:\n{}", wrong.join("\n"));
}

#[test]
fn every_library_stays_in_its_rooms() {
    let mut wrong = Vec::new();
    for (room, files) in rooms() {
        for (path, code) in files {
            for (library, homes) in LIBRARIES {
                let uses = !named_after(&code, &format!("{library}::")).is_empty();
                if uses && !homes.contains(&room.as_str()) {
                    wrong.push(format!("{}: {library} is at home in {homes:?}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "libraries away from home:\n{}", wrong.join("\n"));
}

#[test]
fn the_engine_touches_no_world() {
    let rooms = rooms();
    let mut wrong = Vec::new();
    for (path, code) in &rooms["engine"] {
        for word in NOT_IN_ENGINE {
            if code.contains(word) {
                wrong.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "the engine is pure, but:\n{}", wrong.join("\n"));
}
