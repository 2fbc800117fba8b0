//! The files under `config/` are what they say: they load without a warning, and what their comments
//! call a default is one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use tierline::config::{self, Config};
use tierline::engine::model::{Channel, Policy, Rule};
use tierline::policy;

const POLICIES: [&str; 6] = ["default", "schwab", "sears", "utility", "bank", "abc"];

fn shipped(name: &str) -> (String, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    let text = std::fs::read_to_string(&path).expect("the file is shipped");
    (path.display().to_string(), text)
}

fn load(name: &str) -> Policy {
    let (path, _) = shipped(&format!("{name}.toml"));
    let (policy, warnings) = policy::load(path.as_ref()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(warnings, [], "{name} has warnings");
    policy
}

/// What the comment above a key says about it.
#[derive(Debug, PartialEq)]
enum Said {
    Default(String),
    Required,
    Other,
}

/// Every commented key: its line (from 0), its name with the section, its value and what is said.
fn commented_keys(text: &str) -> Vec<(usize, String, String, Said)> {
    let mut section = String::new();
    let mut comment = String::new();
    let mut keys = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(words) = line.strip_prefix('#') {
            comment.push_str(words);
            continue;
        }
        if let Some((key, value)) = line.split_once(" = ") {
            let default = comment.rsplit_once("Default: ").map(|(_, rest)| rest);
            let said = match default.map(|rest| rest.rsplit_once('.').expect("ends with a stop").0)
            {
                // The default of these depends on other keys; the words say how.
                Some(words) if words.starts_with("the ") || words == "none" => Said::Other,
                Some(value) => Said::Default(value.to_owned()),
                None if comment.ends_with("Required.") => Said::Required,
                None => Said::Other,
            };
            keys.push((at, format!("{section}{key}"), value.to_owned(), said));
        } else if line.starts_with('[') {
            section = format!("{}.", line.trim_matches(['[', ']']));
        }
        comment.clear();
    }
    keys
}

fn with_line(text: &str, at: usize, line: &str) -> String {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(here, old)| if here == at { line } else { old });
    lines.collect::<Vec<_>>().join("\n")
}

fn without_source(policy: Policy) -> Policy {
    Policy { source: "".into(), ..policy }
}

#[test]
fn every_shipped_policy_loads_without_a_warning() {
    for name in POLICIES {
        let policy = load(name);
        assert_eq!(policy.rule, Rule::GuardedEdf, "{name}");
        assert_eq!(*policy.version, format!("{name}-1"));
    }
}

#[test]
fn every_key_of_every_policy_is_explained_where_it_first_stands() {
    for name in POLICIES {
        let (_, text) = shipped(&format!("{name}.toml"));
        let mut seen = BTreeSet::new();
        for (at, key, _, said) in commented_keys(&text) {
            let explained =
                said != Said::Other || text.lines().nth(at - 1).unwrap().starts_with('#');
            assert!(!seen.insert(key.clone()) || explained, "{name}: {key}");
        }
        let required =
            ["version", "tier.name", "tier.rank", "tier.pools", "pool.name", "pool.lease"];
        for key in required {
            assert!(seen.contains(key), "{name}: {key}");
        }
    }
}

#[test]
fn a_default_that_a_policy_names_is_what_a_missing_key_gets() {
    let mut defaults = BTreeSet::new();
    for name in POLICIES {
        let (_, text) = shipped(&format!("{name}.toml"));
        for (at, key, _, said) in commented_keys(&text) {
            let without = policy::parse(name, &with_line(&text, at, ""));
            match said {
                Said::Default(value) => {
                    let bare = key.rsplit('.').next().unwrap();
                    let written = with_line(&text, at, &format!("{bare} = {value}"));
                    let (written, _) = policy::parse(name, &written).unwrap();
                    let (without, _) = without.unwrap();
                    assert_eq!(without_source(written), without_source(without), "{name}: {key}");
                    defaults.insert(key);
                }
                Said::Required => {
                    let error = without.expect_err("a required key was left out").to_string();
                    let bare = key.rsplit('.').next().unwrap();
                    assert!(error.contains(&format!("{bare} is missing")), "{name}: {error}");
                }
                Said::Other => {}
            }
        }
    }
    let expected = [
        "channel.voice.cost",
        "channel.voice.exclusive",
        "channel.voice.interrupts",
        "channel.voice.wrap_up",
        "coding.first",
        "costs.candidate_share",
        "customers.card_attributes",
        "customers.retier_later",
        "dispatch.floor_share",
        "dispatch.rule",
        "dispatch.starve_after",
        "hours.fri",
        "hours.holidays",
        "hours.mon",
        "hours.sat",
        "hours.sun",
        "hours.thu",
        "hours.tue",
        "hours.wed",
        "pool.back_off",
        "pool.choice",
        "pool.floor_over_reserve",
        "pool.lease",
        "pool.misses_max",
        "pool.offer",
        "pool.offer_to",
        "pool.reserve",
        "repeats.window",
        "skills",
        "standing.at_risk.lift",
        "standing.at_risk.scale",
        "standing.new.scale",
        "tier.benefits",
        "tier.channels",
        "tier.escalation",
        "tier.expires_after",
        "tier.guard",
        "tier.head_start",
        "tier.hours",
        "tier.overflow",
        "tier.park_max",
        "tier.stale",
        "tier.treatment",
        "tier.urgency",
        "tier.weight",
    ];
    assert_eq!(defaults.iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
}

#[test]
fn the_settings_file_is_the_defaults() {
    let (path, text) = shipped("tierline.toml");
    let config = config::load(Some(path.as_ref()), []).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config, Config::default());
    assert_eq!(config, config::load(None, []).unwrap());
    let mut written = BTreeSet::new();
    for (_, key, value, said) in commented_keys(&text) {
        assert_eq!(said, Said::Default(value), "{key}");
        written.insert(key);
    }
    // The password is no key of the file, but a variable.
    let mut known: BTreeSet<_> = config::keys().into_iter().collect();
    assert!(known.remove("directory.password"));
    assert_eq!(written, known);
}

#[test]
fn the_stories_have_the_numbers_they_tell() {
    let target = |policy: &Policy, tier: &str, channel: Channel| {
        let ix = policy.tier_named(tier).unwrap();
        policy.tier(ix).respond_within_ms[channel.index()]
    };
    let reserve = |policy: &Policy| policy.pools[0].reserve_against(policy.unknown_tier);

    let schwab = load("schwab");
    assert_eq!(target(&schwab, "preferred", Channel::Voice), 15_000);
    assert_eq!(target(&schwab, "standard", Channel::Voice), 180_000);
    assert_eq!(reserve(&schwab), 1);

    let sears = load("sears");
    for (tier, hours) in [("big-spender", 2), ("regular", 24), ("occasional", 48)] {
        let tier = sears.tier(sears.tier_named(tier).unwrap());
        assert_eq!(tier.respond_within_ms, [hours * 3_600_000; 6]);
        assert_eq!(tier.solve_within_ms, [Some(hours * 3_600_000); 6]);
        assert_eq!(tier.guard_permille, 250);
    }
    assert_eq!(reserve(&sears), 0);

    let utility = load("utility");
    assert_eq!(target(&utility, "key", Channel::Voice), 60_000);
    assert_eq!(reserve(&utility), 3);

    let bank = load("bank");
    assert_eq!(target(&bank, "priority", Channel::Voice), 20_000);
    assert_eq!(target(&bank, "regular", Channel::Voice), 180_000);
    assert_eq!(reserve(&bank), 1);
}
