//! Faulty policies are refused with the file, the line, the key, the value and what is allowed.

use proptest::prelude::*;
use tierline::policy;

/// A policy without a fault; every case changes one of its lines.
const SOUND: [&str; 32] = [
    /*  1 */ r#"version = "v1""#,
    /*  2 */ r"[dispatch]",
    /*  3 */ r#"rule = "guarded-edf""#,
    /*  4 */ r"starve_after = 2.0",
    /*  5 */ r"floor_share = 0.1",
    /*  6 */ r"[customers]",
    /*  7 */ r#"unknown = "standard""#,
    /*  8 */ r#"unavailable = "standard""#,
    /*  9 */ r"[[tier]]",
    /* 10 */ r#"name = "gold""#,
    /* 11 */ r"rank = 1",
    /* 12 */ r"guard = 0.25",
    /* 13 */ r"weight = 2.0",
    /* 14 */ r#"pools = ["desk"]"#,
    /* 15 */ r#"overflow = [{ after = "40s", pools = ["backup"] }]"#,
    /* 16 */ r"[tier.respond_within]",
    /* 17 */ r#"default = "5m""#,
    /* 18 */ r#"voice = "15s""#,
    /* 19 */ r"[tier.solve_within]",
    /* 20 */ r#"default = "1h""#,
    /* 21 */ r"[[tier]]",
    /* 22 */ r#"name = "standard""#,
    /* 23 */ r"rank = 2",
    /* 24 */ r#"pools = ["desk"]"#,
    /* 25 */ r"[tier.respond_within]",
    /* 26 */ r#"default = "1h""#,
    /* 27 */ r"[[pool]]",
    /* 28 */ r#"name = "desk""#,
    /* 29 */ r#"lease = "15m""#,
    /* 30 */ r"reserve = { gold = 1 }",
    /* 31 */ r"[[pool]]",
    /* 32 */ r#"name = "backup""#,
];

/// The sound policy with one line changed, as a text.
fn changed(line: usize, to: &str) -> String {
    let mut lines = SOUND;
    lines[line - 1] = to;
    lines.join("\n")
}

/// A line, what it becomes, and everything that is said then, without the file's name.
type Case = (usize, &'static str, &'static [&'static str]);

#[rustfmt::skip] // One line a case, as in a table.
const FAULTS: &[Case] = &[
    (1, r#"version = "v 1""#, &[r#"1: version = "v 1" is not a name of 1 to 64 characters of [A-Za-z0-9._-]"#]),
    (1, r#"version = """#, &[r#"1: version = "" is not a name of 1 to 64 characters of [A-Za-z0-9._-]"#]),
    (1, "version = 1", &["1: version = 1 is not a text in quotes"]),
    (1, "", &["1: version is missing"]),
    (1, r#"version = "v1"#, &[r#"1: invalid basic string, expected `"`"#]),
    (2, "[dispatch", &["2: unclosed table, expected `]`"]),
    (2, "[dispach]", &["2: unknown key dispach; did you mean dispatch?"]),
    (3, r#"rule = "edff""#, &[r#"3: dispatch.rule = "edff" is not a choice; did you mean edf?"#]),
    (3, r#"rule = "lifo""#, &[r#"3: dispatch.rule = "lifo" is not a choice; did you mean fifo?"#]),
    (3, r#"rules = "edf""#, &["3: dispatch: unknown key rules; did you mean rule?"]),
    (3, "rule = \"edf\"\nrule = \"fifo\"", &["4: duplicate key rule"]),
    (4, "starve_after = 0.5", &["4: dispatch.starve_after = 0.5 is not between 1 and 100"]),
    (4, r#"starve_after = "2""#, &[r#"4: dispatch.starve_after = "2" is not a number"#]),
    (4, "starve_after = nan", &["4: dispatch.starve_after = nan is not between 1 and 100"]),
    (4, "starve_after = 2.0001", &["4: dispatch.starve_after = 2.0001 has more than three decimals"]),
    (5, "floor_share = 0.6", &["5: dispatch.floor_share = 0.6 is not between 0 and 0.5"]),
    (5, "floor_share = -0.1", &["5: dispatch.floor_share = -0.1 is not between 0 and 0.5"]),
    (6, "[customer]", &["6: unknown key customer; did you mean customers?"]),
    (7, r#"unknown = "standart""#, &[r#"7: customers.unknown = "standart" is no tier; did you mean standard?"#]),
    (8, r#"unavailable = "platinum""#, &[r#"8: customers.unavailable = "platinum" is no tier; known: gold, standard"#]),
    (8, "retier_later = 1", &["8: customers.retier_later = 1 is not true or false"]),
    (8, "unavailable = 2", &["8: customers.unavailable = 2 is not a text in quotes"]),
    (8, r#"unavialable = "standard""#, &["8: customers: unknown key unavialable; did you mean unavailable?"]),
    (10, r#"name = "standard""#, &[r#"22: tier "standard": name = "standard" is taken by another above"#, r#"30: pool "desk": reserve.gold is no tier; known: standard"#]),
    (10, r#"name = "go ld""#, &[r#"10: tier "go ld": name = "go ld" is not a name of 1 to 64 characters of [A-Za-z0-9._-]"#, r#"30: pool "desk": reserve.gold is no tier; known: standard"#]),
    (10, r#"name = "ggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg""#, &[r#"10: tier 1: name = "ggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg... is not a name of 1 to 64 characters of [A-Za-z0-9._-]"#, r#"30: pool "desk": reserve.gold is no tier; known: standard"#]),
    (10, "", &["9: tier 1: name is missing", r#"30: pool "desk": reserve.gold is no tier; known: standard"#]),
    (10, r#"name = ["gold"]"#, &[r#"10: tier 1: name = ["gold"] is not a text in quotes"#, r#"30: pool "desk": reserve.gold is no tier; known: standard"#]),
    (11, "rank = 2", &[r#"23: tier "standard": rank = 2 is the rank of another tier above"#]),
    (11, "rank = 0", &[r#"11: tier "gold": rank = 0 is not between 1 and 1000"#]),
    (11, "rank = 1.5", &[r#"11: tier "gold": rank = 1.5 is not a whole number"#]),
    (11, r#"rank = "first""#, &[r#"11: tier "gold": rank = "first" is not a whole number"#]),
    (11, "rank = -99999999999999999999999999999999999999999999", &[r#"11: tier "gold": rank = -99999999999999999999999999999999999999999999 is not between 1 and 1000"#]),
    (11, "", &[r#"9: tier "gold": rank is missing"#]),
    (12, "guard = 1.5", &[r#"12: tier "gold": guard = 1.5 is not between 0 and 1"#]),
    (12, "guard = inf", &[r#"12: tier "gold": guard = inf is not between 0 and 1"#]),
    (12, "gard = 0.25", &[r#"12: tier "gold": unknown key gard; did you mean guard?"#]),
    (13, "weight = 0", &[r#"13: tier "gold": weight = 0 is not between 0.001 and 1000"#]),
    (13, "weight = 1001", &[r#"13: tier "gold": weight = 1001 is not between 0.001 and 1000"#]),
    (14, "pools = []", &[r#"14: tier "gold": pools = [] names no pool"#]),
    (14, r#"pools = "desk""#, &[r#"14: tier "gold": pools = "desk" is not a list"#]),
    (14, r#"pools = ["desk", "desk"]"#, &[r#"14: tier "gold": pools = "desk" is listed twice"#]),
    (14, r#"pools = ["dest"]"#, &[r#"14: tier "gold": pools = "dest" is no pool; did you mean desk?"#]),
    (14, "pools = [1]", &[r#"14: tier "gold": pools = 1 is not a text in quotes"#]),
    (14, "", &[r#"9: tier "gold": pools is missing"#]),
    (8, "unavailable = \"standard\"\n[repeats]\nwindow = \"59s\"", &[r#"10: repeats.window = "59s" is not between 1m and 366d"#]),
    (8, "unavailable = \"standard\"\n[costs]\ncandidate_share = 0", &[r"10: costs.candidate_share = 0 is not between 0.001 and 100"]),
    (8, "unavailable = \"standard\"\n[costs]\ncandidate_burdens = 0", &[r"10: costs.candidate_burdens = 0 is not between 1 and 1000"]),
    (8, "unavailable = \"standard\"\n[costs]\nburdens = 3", &[r"10: costs: unknown key burdens; known: candidate_share, candidate_burdens"]),
    (29, "lease = \"15m\"\ncost_per_hour = -1", &[r#"30: pool "desk": cost_per_hour = -1 is not an amount of money from 0 to 1000000 with at most 3 decimals"#]),
    (29, "lease = \"15m\"\ncost_per_hour = \"dear\"", &[r#"30: pool "desk": cost_per_hour = "dear" is not an amount of money from 0 to 1000000 with at most 3 decimals"#]),
    (8, "unavailable = \"standard\"\n[repeats]\nthreshold = 1", &[r"10: repeats.threshold = 1 is not between 2 and 16"]),
    (8, "unavailable = \"standard\"\n[repeats]\nthreshold = 17", &[r"10: repeats.threshold = 17 is not between 2 and 16"]),
    (8, "unavailable = \"standard\"\n[repeats]\npool = \"desk\"", &[r#"10: repeats.pool = "desk" gets nothing without threshold, the number of contacts from which it serves"#]),
    (8, "unavailable = \"standard\"\n[repeats]\nthreshold = 3\npool = \"dask\"", &[r#"11: repeats.pool = "dask" is no pool; did you mean desk?"#]),
    (14, "pools = [\"desk\"]\nbenefits = [\"\"]", &[r#"15: tier "gold": benefits = "" is not a text of 1 to 100 characters"#]),
    (14, "pools = [\"desk\"]\nbenefits = [\"a\", \"a\"]", &[r#"15: tier "gold": benefits = "a" is listed twice"#]),
    (14, "pools = [\"desk\"]\ntreatment = \"\\u0007\"", &[r#"15: tier "gold": treatment = "\u0007" is not a text of 0 to 1000 characters"#]),
    (8, "unavailable = \"standard\"\ncard_attributes = [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]", &[r#"9: customers.card_attributes = ["1","2","3","4","5","6","7","8","9","10","11","12","13","14... has 17 entries, 16 are allowed"#]),
    (14, "pools = [\"desk\"]\nchannels = []", &[r#"15: tier "gold": channels = [] names no channel"#]),
    (14, "pools = [\"desk\"]\nchannels = [\"fax\"]", &[r#"15: tier "gold": channels = "fax" is not a choice; known: voice, chat, email, web, callback, outbound"#]),
    (14, "pools = [\"desk\"]\nchannels = [\"web\", \"web\"]", &[r#"15: tier "gold": channels = "web" is listed twice"#]),
    (14, "pools = [\"desk\"]\nchannels = [\"web\"]\nnot_offered = \"ignore\"", &[r#"16: tier "gold": not_offered = "ignore" is not a choice; known: refuse, accept"#]),
    (14, "pools = [\"desk\"]\ncolour = \"yellow\"", &[r#"15: tier "gold": unknown key colour; known: name, rank, guard, weight, head_start, hours, urgency, escalation, stale, pools, overflow, offer_callback_above, respond_within, solve_within, queue_max, expires_after, requeues_max, dead_letter, park_max, channels, and more"#]),
    (15, r#"overflow = [{ after = "40s", pools = ["desk"] }]"#, &[r#"15: tier "gold": overflow step 1: pools = ["desk"] adds no pool: all of them serve the tier by then"#]),
    (15, r#"overflow = [{ after = "40s", pools = ["backup"] }, { after = "20s", pools = ["backup"] }]"#, &[r#"15: tier "gold": overflow step 2: after = "20s" does not come after the step before it, 40s"#, r#"15: tier "gold": overflow step 2: pools = ["backup"] adds no pool: all of them serve the tier by then"#]),
    (15, r#"overflow = [{ after = "9s", pools = ["backup"] }, { after = "9s", pools = ["backup"] }]"#, &[r#"15: tier "gold": overflow step 2: after = "9s" does not come after the step before it, 9s"#, r#"15: tier "gold": overflow step 2: pools = ["backup"] adds no pool: all of them serve the tier by then"#]),
    (15, r#"overflow = [{ after = "8d", pools = ["backup"] }]"#, &[r#"15: tier "gold": overflow step 1: after = "8d" is not between 1s and 7d"#]),
    (15, r#"overflow = [{ pools = ["backup"] }]"#, &[r#"15: tier "gold": overflow step 1: after is missing"#]),
    (15, r#"overflow = [{ after = "40s" }]"#, &[r#"15: tier "gold": overflow step 1: pools is missing"#]),
    (15, r#"overflow = [{ after = "40s", pool = ["backup"] }]"#, &[r#"15: tier "gold": overflow step 1: pools is missing"#, r#"15: tier "gold": overflow step 1: unknown key pool; did you mean pools?"#]),
    (15, r#"overflow = [{ after = "40s", lower_levels = 10 }]"#, &[r#"15: tier "gold": overflow step 1: lower_levels = 10 is not between 0 and 9"#]),
    (15, r#"overflow = [{ after = "40s", drop_skills = ["french"] }]"#, &[r#"15: tier "gold": overflow step 1: drop_skills = "french" is no skill; none is known"#]),
    (29, r#"choice = "random""#, &[r#"29: pool "desk": choice = "random" is not a choice; known: least-loaded, longest-idle, best-level, round-robin"#]),
    (1, "version = \"v1\"\nskills = [\"a\", \"a\"]", &[r#"2: skills = "a" is listed twice"#]),
    (1, "version = \"v1\"\nskills = [\"a b\"]", &[r#"2: skills = "a b" is not a name of 1 to 64 characters of [A-Za-z0-9._-]"#]),
    (15, r#"overflow = "backup""#, &[r#"15: tier "gold": overflow = "backup" is not a list"#]),
    (15, r#"overflow = ["backup"]"#, &[r#"15: tier "gold": overflow = "backup" is not a table"#]),
    (15, r#"overflow = { after = "40s", pools = ["backup"] }"#, &[r#"15: tier "gold": overflow = { after = "40s", pools = ["backup"] } is not a list"#]),
    (16, "[tier.respond_withn]", &[r#"9: tier "gold": respond_within is missing"#, r#"16: tier "gold": unknown key respond_withn; did you mean respond_within?"#]),
    (17, "", &[r#"16: tier "gold": respond_within has no default, and no target for chat, email, web, callback, outbound"#]),
    (17, r#"default = "5""#, &[r#"17: tier "gold": respond_within.default = "5" is not a duration such as 250ms, 15s, 1h 30m or 2d"#]),
    (17, r#"default = "31d""#, &[r#"17: tier "gold": respond_within.default = "31d" is not between 1s and 30d"#]),
    (17, r#"default = "1mo""#, &[r#"17: tier "gold": respond_within.default = "1mo" is not a duration such as 250ms, 15s, 1h 30m or 2d"#]),
    (17, "default = 300", &[r#"17: tier "gold": respond_within.default = 300 is not a duration such as 250ms, 15s, 1h 30m or 2d"#]),
    (18, r#"voice = "0s""#, &[r#"18: tier "gold": respond_within.voice = "0s" is not between 1s and 30d"#]),
    (18, r#"voice = "1500us""#, &[r#"18: tier "gold": respond_within.voice = "1500us" is finer than a millisecond"#]),
    (18, r#"voice = "-5s""#, &[r#"18: tier "gold": respond_within.voice = "-5s" is not between 1s and 30d"#]),
    (18, r#"vioce = "15s""#, &[r#"18: tier "gold": respond_within: unknown key vioce; did you mean voice?"#]),
    (18, r#"fax = "15s""#, &[r#"18: tier "gold": respond_within: unknown key fax; known: default, voice, chat, email, web, callback, outbound"#]),
    (20, r#"default = "1m""#, &[r#"20: tier "gold": solve_within.default = "1m" ends before chat must be answered, 5m"#]),
    (20, r#"voice = "5s""#, &[r#"20: tier "gold": solve_within.voice = "5s" ends before voice must be answered, 15s"#]),
    (20, "default = \"1h\"\nvoice = \"5s\"", &[r#"21: tier "gold": solve_within.voice = "5s" ends before voice must be answered, 15s"#]),
    (21, "[tier]", &["21: duplicate key tier"]),
    (22, r#"name = "gold""#, &[r#"7: customers.unknown = "standard" is no tier; known: gold"#, r#"8: customers.unavailable = "standard" is no tier; known: gold"#, r#"22: tier "gold": name = "gold" is taken by another above"#]),
    (23, "rank = 1", &[r#"23: tier "standard": rank = 1 is the rank of another tier above"#]),
    (25, "", &[r#"21: tier "standard": respond_within is missing"#, r#"26: tier "standard": unknown key default; known: name, rank, guard, weight, head_start, hours, urgency, escalation, stale, pools, overflow, offer_callback_above, respond_within, solve_within, queue_max, expires_after, requeues_max, dead_letter, park_max, channels, and more"#]),
    (26, r#"voice = "2m""#, &[r#"25: tier "standard": respond_within has no default, and no target for chat, email, web, callback, outbound"#]),
    (27, "[pool]", &["31: duplicate key pool"]),
    (27, "[[pools]]", &[r#"14: tier "gold": pools = "desk" is no pool; known: backup"#, r#"24: tier "standard": pools = "desk" is no pool; known: backup"#, "27: unknown key pools; did you mean pool?"]),
    (28, r#"name = "backup""#, &[r#"14: tier "gold": pools = "desk" is no pool; known: backup"#, r#"24: tier "standard": pools = "desk" is no pool; known: backup"#, r#"32: pool "backup": name = "backup" is taken by another above"#]),
    (29, r#"lease = "500ms""#, &[r#"29: pool "desk": lease = "500ms" is not between 1s and 1d"#]),
    (29, r#"lease = "2d""#, &[r#"29: pool "desk": lease = "2d" is not between 1s and 1d"#]),
    (29, r#"leese = "15m""#, &[r#"29: pool "desk": unknown key leese; did you mean lease?"#]),
    (30, "reserve = { gold = 1001 }", &[r#"30: pool "desk": reserve.gold = 1001 is not between 0 and 1000"#]),
    (30, "reserve = { gold = 1.0 }", &[r#"30: pool "desk": reserve.gold = 1.0 is not a whole number"#]),
    (30, "reserve = { god = 1 }", &[r#"30: pool "desk": reserve.god is no tier; did you mean gold?"#]),
    (30, "reserve = { standard = 1 }", &[r#"30: pool "desk": reserve.standard = 1 keeps agents from nobody: no tier is lower"#]),
    (30, "reserve = 1", &[r#"30: pool "desk": reserve = 1 is not a table"#]),
    (32, r#"name = "desk""#, &[r#"15: tier "gold": overflow step 1: pools = "backup" is no pool; known: desk"#, r#"32: pool "desk": name = "desk" is taken by another above"#]),
    (30, r#"reserve = { "go ld" = 1, gold = -1 }"#, &[r#"30: pool "desk": reserve."go ld" is no tier; did you mean gold?"#, r#"30: pool "desk": reserve.gold = -1 is not between 0 and 1000"#]),
    (12, r#""g\u001bard" = 0.25"#, &[r#"12: tier "gold": unknown key "g\u{1b}ard"; did you mean guard?"#]),
    (17, "default = \"5m\"\n[tier.lead]\nx = 1", &[r#"18: tier "gold": unknown key lead; known: name, rank, guard, weight, head_start, hours, urgency, escalation, stale, pools, overflow, offer_callback_above, respond_within, solve_within, queue_max, expires_after, requeues_max, dead_letter, park_max, channels, and more"#]),
];

/// Every fault of a text, without the file's name; fails if there is none.
fn faults_of(text: &str) -> Vec<String> {
    let error = policy::parse("p.toml", text).expect_err("the policy is faulty");
    let error = error.to_string();
    let lines = error.lines().map(|line| line.strip_prefix("p.toml:").unwrap_or(line));
    lines.map(str::to_owned).collect()
}

/// Every warning of a text, without the file's name; fails if there is a fault.
fn warnings_of(text: &str) -> Vec<String> {
    let (_, warnings) = policy::parse("p.toml", text).unwrap_or_else(|error| panic!("{error}"));
    let lines = warnings.iter().map(ToString::to_string);
    lines.map(|line| line.replacen("p.toml:", "", 1)).collect()
}

#[test]
fn the_sound_policy_is_sound() {
    assert_eq!(warnings_of(&SOUND.join("\n")), [""; 0]);
}

#[test]
fn every_fault_is_named_with_its_line_key_value_and_what_is_allowed() {
    for (line, to, expected) in FAULTS {
        assert_eq!(faults_of(&changed(*line, to)), *expected, "line {line}: {to}");
    }
}

#[test]
fn the_ends_of_every_range_are_allowed() {
    for (line, to) in [
        (1, r#"version = "v""#),
        (4, "starve_after = 1"),
        (4, "starve_after = 100.0"),
        (5, "floor_share = 0"),
        (5, "floor_share = 0.5"),
        (12, "guard = 0"),
        (12, "guard = 1.0"),
        (13, "weight = 0.001"),
        (13, "weight = 1000"),
        (15, r#"overflow = [{ after = "1s", pools = ["backup"] }]"#),
        (15, r#"overflow = [{ after = "7d", pools = ["backup"] }]"#),
        (18, r#"voice = "1s""#),
        (20, r#"default = "30d""#),
        (20, r#"default = "5m""#),
        (23, "rank = 1000"),
        (29, r#"lease = "1s""#),
        (29, r#"lease = "1d""#),
        (30, "reserve = { gold = 0 }"),
        (30, "reserve = { gold = 1000 }"),
    ] {
        assert_eq!(warnings_of(&changed(line, to)), [""; 0], "{to}");
    }
}

#[test]
fn all_faults_are_reported_in_the_order_of_their_lines() {
    let mut lines = SOUND;
    lines[31] = r#"nome = "backup""#;
    lines[3] = "starve_after = 0";
    lines[17] = r#"voice = "0s""#;
    lines[22] = "rank = 1";
    let places: Vec<_> = faults_of(&lines.join("\n"))
        .iter()
        .map(|fault| fault.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(places, ["4", "15", "18", "23", "31", "32"]);
}

#[test]
fn an_empty_file_lacks_everything_a_policy_needs() {
    let expected = [
        "1: [[pool]] is missing: a policy has at least one",
        "1: [[tier]] is missing: a policy has at least one",
        "1: version is missing",
    ];
    assert_eq!(faults_of(""), expected);
}

/// What stands below the sound policy, from its line 33 on, and everything that is said then.
#[rustfmt::skip] // One line a case, as in a table.
const CODING_FAULTS: &[(&str, &[&str])] = &[
    ("[coding]\nfirst = \"store\"", &[r#"34: coding.first = "store" is not a choice; did you mean stored?"#]),
    ("[coding]\ndefault = \"golden\"", &[r#"34: coding.default = "golden" is no tier; did you mean gold?"#]),
    ("[coding]\nrules = []", &["34: coding: unknown key rules; did you mean rule?"]),
    ("[[coding.rule]]", &["33: coding.rule 1: all is missing", "33: coding.rule 1: tier is missing"]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = []", &["35: coding.rule 1: all = [] has no condition: a rule for everybody is coding.default"]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \"a\" }]", &[r#"35: coding.rule 1: all = { attribute = "a" } asks not exactly one thing: at_least, below, is, is_not, one_of, present, absent, older_than or younger_than"#]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \"a\", at_least = 1, below = 2 }]", &[r#"35: coding.rule 1: all = { attribute = "a", at_least = 1, below = 2 } asks not exactly one thing: at_least, below, is, is_not, one_of, present, absent, older_than or younger_than"#]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \"a\", at_least = 0.0001 }]", &["35: coding.rule 1: all.at_least = 0.0001 is not a number of at most 12 digits with at most 3 places after the point"]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \"a\", below = \"5\" }]", &[r#"35: coding.rule 1: all.below = "5" is not a number of at most 12 digits with at most 3 places after the point"#]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \" a\", is = \"\" }]", &[r#"35: coding.rule 1: all.attribute = " a" is not 1 to 64 characters without blanks at the ends and without control characters"#, r#"35: coding.rule 1: all.is = "" is not 1 to 128 characters without blanks at the ends and without control characters"#]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \"a\", one_of = [] }]", &["35: coding.rule 1: all.one_of = [] has 0 values, 1 to 64 are allowed"]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \"a\", present = false }]", &["35: coding.rule 1: all.present = false is not true: leave it out, or ask for the opposite"]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \"a\", older_than = \"36h\" }]", &[r#"35: coding.rule 1: all.older_than = "36h" is not in whole days"#]),
    ("[[coding.rule]]\ntier = \"gold\"\nall = [{ attribute = \"a\", younger_than = \"1h\" }]", &[r#"35: coding.rule 1: all.younger_than = "1h" is not between 1d and 36500d"#]),
    ("[coding.provisional]", &["33: coding.provisional.rule is missing: write [[coding.provisional.rule]]", "33: coding.provisional.until_orders is missing, and until_age too: when has a customer a history?"]),
    ("[coding.provisional]\nuntil_orders = 0\nuntil_age = \"1h\"\nrule = []", &["33: coding.provisional.rule is missing: write [[coding.provisional.rule]]", "34: coding.provisional.until_orders = 0 is not between 1 and 1000", r#"35: coding.provisional.until_age = "1h" is not between 1d and 36500d"#]),
    ("[[standing.rule]]\nstanding = \"atrisk\"\nall = [{ attribute = \"a\", present = true }]", &[r#"34: standing.rule 1: standing = "atrisk" is not a choice; did you mean at_risk?"#]),
    ("[[standing.rule]]\nstanding = \"farewell\"\nall = [{ attribute = \"a\", present = true }]", &[r#"34: standing.rule 1: standing = "farewell" is not new, regular or at_risk: a farewell is decided by two people, not by a rule"#]),
    ("[standing.old]", &["33: standing: unknown key old; known: rule, new, regular, at_risk, farewell"]),
    ("[standing.new]\nscale = 0.001", &["34: standing.new.scale = 0.001 is not between 0.01 and 100"]),
    ("[standing.new]\nlift = 64", &["34: standing.new.lift = 64 is not between 0 and 63"]),
    ("[standing.new]\nadd_pools = [\"desks\"]", &[r#"34: standing.new.add_pools = "desks" is no pool; did you mean desk?"#]),
    ("[standing.new]\nagent = \"a b\"", &[r#"34: standing.new.agent = "a b" is not "customer" or an agent's id, 1 to 64 characters of A-Z a-z 0-9 . _ : -"#]),
    ("[standing.new]\nagent_wait = \"1m\"", &[r#"34: standing.new.agent_wait = "1m" waits for nobody without agent"#]),
];

#[test]
fn every_fault_of_the_coding_is_told_with_line_key_value_and_range() {
    for (below, expected) in CODING_FAULTS {
        assert_eq!(faults_of(&(SOUND.join("\n") + "\n" + below)), *expected, "{below}");
    }
}

#[test]
fn the_sixty_fifth_rule_and_the_seventeenth_condition_are_one_too_many() {
    let rule = |conditions: usize| {
        let all = (0..conditions).map(|at| format!("{{ attribute = \"a{at}\", present = true }}"));
        let all: Vec<_> = all.collect();
        format!("[[coding.rule]]\ntier = \"gold\"\nall = [{}]\n", all.join(", "))
    };
    let with = |rules: &str| SOUND.join("\n") + "\n" + rules;
    let (policy, _) = policy::parse("p.toml", &with(&rule(16).repeat(64))).unwrap();
    assert_eq!(policy.coding.tiers.len(), 64);
    let faults = faults_of(&with(&rule(17)));
    assert!(faults[0].ends_with("is one too many: 16 are allowed"), "{faults:?}");
    let faults = faults_of(&with(&rule(1).repeat(65)));
    assert!(faults[0].ends_with("is one too many: 64 are allowed"), "{faults:?}");
}

#[test]
fn the_sixty_fifth_tier_and_pool_are_one_too_many() {
    let with = |tiers: usize, pools: usize| {
        let tiers = (1..=tiers).map(|at| {
            format!(
                "[[tier]]\nname = \"t{at}\"\nrank = {at}\npools = [\"p1\"]\nrespond_within = {{ default = \"1h\" }}\n"
            )
        });
        let pools = (1..=pools).map(|at| format!("[[pool]]\nname = \"p{at}\"\n"));
        let head = "version = \"v1\"\n".to_owned();
        std::iter::once(head).chain(tiers).chain(pools).collect::<String>()
    };
    let (policy, _) = policy::parse("p.toml", &with(64, 64)).unwrap();
    assert_eq!((policy.tiers.len(), policy.pools.len()), (64, 64));
    assert_eq!(faults_of(&with(65, 1)), ["322: tier is one too many: 64 are allowed"]);
    assert_eq!(faults_of(&with(1, 65)), ["135: pool is one too many: 64 are allowed"]);
}

#[test]
fn a_file_that_is_too_large_or_not_text_or_not_there_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.toml");
    let name = path.display().to_string();
    let said = || policy::load(&path).unwrap_err().to_string();

    assert!(said().starts_with(&format!("{name}: cannot be read: ")), "{}", said());

    std::fs::write(&path, "#".repeat(256 * 1024 + 1)).unwrap();
    assert_eq!(said(), format!("{name}: is larger than 256KiB"));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(faults_of(&text), [" is larger than 256KiB"]);

    let fitting = SOUND.join("\n") + "\n";
    std::fs::write(&path, fitting.clone() + &"#".repeat(256 * 1024 - fitting.len())).unwrap();
    policy::load(&path).unwrap_or_else(|error| panic!("{error}"));

    std::fs::write(&path, b"version = \"v1\"\n# caf\xe9\n").unwrap();
    assert_eq!(said(), format!("{name}:2: this line is not UTF-8 text"));
}

#[test]
fn what_is_allowed_but_hardly_meant_is_a_warning() {
    let cases: &[(usize, &str, &[&str])] = &[
        (15, "", &[r#"31: pool "backup": serves no tier"#]),
        (3, r#"rule = "accumulating""#, &[]),
        (
            32,
            "name = \"backup\"\n[[pool]]\nname = \"spare\"",
            &[r#"33: pool "spare": serves no tier"#],
        ),
    ];
    for (line, to, expected) in cases {
        assert_eq!(warnings_of(&changed(*line, to)), *expected, "{to}");
    }

    let mut equal = SOUND;
    equal[2] = r#"rule = "accumulating""#;
    equal[12] = "";
    let said = r#"3: dispatch.rule = "accumulating" is first come, first served while every tier has the same weight and head start"#;
    assert_eq!(warnings_of(&equal.join("\n")), [said]);
}

#[test]
fn a_reserve_without_effect_is_a_warning() {
    let three_tiers = |reserve: &str| {
        let mut lines = SOUND;
        lines[22] = "rank = 3";
        lines[29] = reserve;
        lines.join("\n")
            + r#"
[[tier]]
name = "silver"
rank = 2
pools = ["backup"]
respond_within = { default = "10m" }
"#
    };
    assert_eq!(warnings_of(&three_tiers("reserve = { gold = 1, silver = 2 }")), [""; 0]);
    assert_eq!(
        warnings_of(&three_tiers("reserve = { gold = 2, silver = 1 }")),
        [
            r#"30: pool "desk": reserve.silver = 1 has no effect: 2 are kept for a higher tier already"#
        ]
    );
    assert_eq!(
        warnings_of(&three_tiers("reserve = { gold = 2, silver = 2 }")),
        [
            r#"30: pool "desk": reserve.silver = 2 has no effect: 2 are kept for a higher tier already"#
        ]
    );
    // Only the lowest tier is served by a pool that keeps agents for those above.
    let spare = three_tiers("") + "[[pool]]\nname = \"spare\"\nreserve = { silver = 1 }\n";
    let spare =
        spare.replacen("pools = [\"desk\"]\n[tier", "pools = [\"desk\", \"spare\"]\n[tier", 1);
    let (policy, _) = policy::parse("p.toml", &spare).unwrap();
    assert!(policy.tiers[2].pools.contains(policy.pool_named("spare").unwrap()));
    assert_eq!(
        warnings_of(&spare),
        [
            r#"38: pool "spare": reserve.silver = 1 keeps agents for tiers that the pool never serves"#
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever lines are lost, doubled or moved, the answer is a policy or a list of faults.
    #[test]
    fn no_shuffled_policy_makes_the_reader_panic(
        picked in proptest::collection::vec((0..SOUND.len(), 0..60_usize, any::<char>()), 0..40),
    ) {
        let lines = picked.iter().map(|(line, at, new)| {
            let mut line: Vec<char> = SOUND[*line].chars().collect();
            if let Some(old) = line.get_mut(*at) {
                *old = *new;
            }
            line.into_iter().collect::<String>()
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        if let Err(error) = policy::parse("p.toml", &text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// The same for a policy that is almost sound: here every part of the reader is reached.
    #[test]
    fn no_nearly_sound_policy_makes_the_reader_panic(
        lost in proptest::collection::vec(0..SOUND.len(), 0..4),
        swapped in proptest::collection::vec((0..SOUND.len(), 0..SOUND.len()), 0..3),
    ) {
        let mut lines = SOUND;
        for line in lost {
            lines[line] = "";
        }
        for (one, other) in swapped {
            lines.swap(one, other);
        }
        if let Err(error) = policy::parse("p.toml", &lines.join("\n")) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
