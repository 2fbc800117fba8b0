//! Faulty settings are refused with the file and line, or the variable, the key, the value and what is
//! allowed; and no message shows a password.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;
use tierline::config::{self, Config, DirectoryKind, LogFormat};

/// A text, and what is said of it, without the file's name.
type Case = (&'static str, &'static str);

#[rustfmt::skip] // One line a case, as in a table.
const FAULTS: &[Case] = &[
    ("[listen]\ngrpc = \"localhost:7700\"", r#"2: listen.grpc = "localhost:7700" is not an IP address and port such as 127.0.0.1:7700"#),
    ("[listen]\ngrpc = \"0.0.0.0:7700\"", r#"2: listen.grpc = "0.0.0.0:7700" can be reached from other machines, and nothing is encrypted: set listen.insecure = true if the network between is trusted"#),
    ("[listen]\nhttp = \"[::]:7780\"", r#"2: listen.http = "[::]:7780" can be reached from other machines, and nothing is encrypted: set listen.insecure = true if the network between is trusted"#),
    ("[listen]\nhttp = \"127.0.0.1:7700\"", r#"2: listen.http = "127.0.0.1:7700" is the address of listen.grpc too"#),
    ("[listen]\ngrpc = \"127.0.0.1:7780\"", "1: listen.http is the address of listen.grpc too"),
    ("[listen]\ninsecure = \"yes\"", r#"2: listen.insecure = "yes" is not true or false"#),
    ("[listen]\nconnections_max = 0", "2: listen.connections_max = 0 is not between 1 and 100000"),
    ("[listen]\nsilent_timeout = \"0s\"", r#"2: listen.silent_timeout = "0s" is not between 1s and 5m"#),
    ("[listen]\nmessage_max = \"64KiB\"", r#"2: listen.message_max = "64KiB" is not between 128KiB and 16MiB"#),
    ("[listen]\nmessage_max = 262144", "2: listen.message_max = 262144 is not a size such as 512B, 64KiB, 256MiB or 16GiB"),
    ("[listen]\nport = 7700", "2: listen: unknown key port; known: insecure, grpc, http, connections_max, silent_timeout, streams_max, message_max"),
    ("[listne]\ngrpc = \"127.0.0.1:1\"", "1: unknown key listne; did you mean listen?"),
    ("[data]\ndir = \"\"", r#"2: data.dir = "" is not a path"#),
    ("[data]\nhistory = \"30\"", r#"2: data.history = "30" is not a duration such as 250ms, 15s, 1h 30m or 2d"#),
    ("[data]\nsize_max = \"1MiB\"", r#"2: data.size_max = "1MiB" is neither 0, for no limit, nor at least 64MiB"#),
    ("[data]\nsize_max = \"16GB\"", r#"2: data.size_max = "16GB" is not a size such as 512B, 64KiB, 256MiB or 16GiB"#),
    ("[data]\nsize_max = \"99999999999TiB\"", r#"2: data.size_max = "99999999999TiB" is beyond any disk"#),
    ("[data]\nsnapshot_every = -1", "2: data.snapshot_every = -1 is not between 1000 and 100000000"),
    (r#"policy = "x.toml""#, r#"1: policy = "x.toml" is not a table"#),
    ("[policy]\nfile = 3", "2: policy.file = 3 is not a text in quotes"),
    ("[directory]\nkind = \"postgres\"", r#"2: directory.kind = "postgres" is not a choice; known: embedded, redis"#),
    ("[directory]\nurl = \"redis://:secret@127.0.0.1\"", "2: directory.url holds a password: give it in TIERLINE_DIRECTORY_PASSWORD or in directory.password_file"),
    ("[directory]\nurl = \"redis+unix:///run/redis.sock?db=1&pass=secret\"", "2: directory.url holds a password: give it in TIERLINE_DIRECTORY_PASSWORD or in directory.password_file"),
    ("[directory]\nurl = \"127.0.0.1:6379\"", "2: directory.url is not an address such as redis://127.0.0.1:6379"),
    ("[directory]\npassword = \"secret\"", "2: directory.password does not belong into a file with settings: give it in TIERLINE_DIRECTORY_PASSWORD or in directory.password_file"),
    ("[directory]\npassword_file = \"/nonexistent/secret\"", r#"2: directory.password_file = "/nonexistent/secret" cannot be read: No such file or directory (os error 2)"#),
    ("[directory]\nbudget = \"2s\"", r#"2: directory.budget = "2s" is not between 1ms and 1s"#),
    ("[directory]\nprefix = \"tier line\"", r#"2: directory.prefix = "tier line" is not a name of 1 to 64 characters of [A-Za-z0-9._-]"#),
    ("[directory]\nphone_region = \"de\"", r#"2: directory.phone_region = "de" is not a country of ISO 3166 in two letters such as DE or US, or "" for none"#),
    ("[directory]\nbreaker_failures = 1.5", "2: directory.breaker_failures = 1.5 is not a whole number"),
    ("[limits]\ntickets_max = 0", "2: limits.tickets_max = 0 is not between 1 and 50000000"),
    ("[limits]\npayload_max = \"65KiB\"", r#"2: limits.payload_max = "65KiB" is not between 0 and 64KiB"#),
    ("[limits]\nticket_max = 5", "2: limits: unknown key ticket_max; did you mean tickets_max?"),
    ("[log]\nformat = \"xml\"", r#"2: log.format = "xml" is not a choice; known: text, json"#),
    ("[log]\nfilter = \"info,=loud=\"", r#"2: log.filter = "info,=loud=" is not a log filter: invalid filter directive"#),
    ("[drain]\nlimit = \"11m\"", r#"2: drain.limit = "11m" is not between 0s and 10m"#),
    ("[clock]\nspeed = 0.5", "2: clock.speed = 0.5 is not between 1 and 10000"),
    ("[clock]\nspeed = true", "2: clock.speed = true is not a number"),
];

/// The settings of a text and of these variables.
fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    config::parse("t.toml", text, variables).map_err(|error| error.to_string())
}

fn faults_of(text: &str, variables: &[(&str, &str)]) -> String {
    read(text, variables).expect_err("the settings are faulty")
}

#[test]
fn every_fault_is_named_with_its_line_key_value_and_what_is_allowed() {
    for (text, expected) in FAULTS {
        assert_eq!(faults_of(text, &[]), format!("t.toml:{expected}"), "{text}");
    }
}

#[test]
fn a_variable_goes_before_the_file_and_the_file_before_the_default() {
    let text = "[listen]\ngrpc = \"127.0.0.1:1\"\nhttp = \"127.0.0.1:2\"";
    let variables = [
        ("TIERLINE_LISTEN_GRPC", "[::1]:3"),
        ("TIERLINE_LISTEN_STREAMS_MAX", "7"),
        ("TIERLINE_DATA_SIZE_MAX", "16GiB"),
        ("TIERLINE_DIRECTORY_KIND", "redis"),
        ("TIERLINE_DIRECTORY_BUDGET", "25ms"),
        ("TIERLINE_LOG_FORMAT", "json"),
        ("TIERLINE_CLOCK_SPEED", "1.5"),
    ];
    let config = read(text, &variables).unwrap();
    assert_eq!(config.listen.grpc, "[::1]:3".parse().unwrap());
    assert_eq!(config.listen.http, "127.0.0.1:2".parse().unwrap());
    assert_eq!(config.listen.streams_max, 7);
    assert_eq!(config.listen.connections_max, Config::default().listen.connections_max);
    assert_eq!(config.data.size_max, Some(16 << 30));
    assert_eq!(config.directory.kind, DirectoryKind::Redis);
    assert_eq!(config.directory.budget, Duration::from_millis(25));
    assert_eq!(config.log.format, LogFormat::Json);
    assert!((config.clock.speed - 1.5).abs() < f64::EPSILON);
}

#[test]
fn a_faulty_variable_is_named_after_the_faults_of_the_file() {
    let variables = [
        ("TIERLINE_DRAIN_LIMIT", "soon"),
        ("TIERLINE_LISTEN_GRPC", "0.0.0.0:7700"),
        ("TIERLINE_LISTEN_GRCP", "127.0.0.1:1"),
        ("TIERLINE_LIMITS_AGENTS_MAX", "many"),
        ("TIERLINE_LISTEN_INSECURE", "1"),
    ];
    let expected = [
        "t.toml:2: clock.speed = 0 is not between 1 and 10000",
        r#"environment: TIERLINE_DRAIN_LIMIT = "soon" is not a duration such as 250ms, 15s, 1h 30m or 2d"#,
        r#"environment: TIERLINE_LIMITS_AGENTS_MAX = "many" is not a whole number"#,
        r#"environment: TIERLINE_LISTEN_GRPC = "0.0.0.0:7700" can be reached from other machines, and nothing is encrypted: set listen.insecure = true if the network between is trusted"#,
        r#"environment: TIERLINE_LISTEN_INSECURE = "1" is not true or false"#,
        "environment: unknown variable TIERLINE_LISTEN_GRCP; did you mean TIERLINE_LISTEN_GRPC?",
    ];
    assert_eq!(faults_of("[clock]\nspeed = 0", &variables), expected.join("\n"));
}

#[test]
fn variables_of_others_do_not_matter() {
    let variables = [
        ("TIERLINE_PORT", "tcp://10.0.0.1:7700"),
        ("TIERLINE_SERVER", "http://127.0.0.1:7700"),
        ("LISTEN_GRPC", "nonsense"),
    ];
    assert_eq!(read("", &variables), Ok(Config::default()));
}

#[test]
fn a_variable_that_is_not_text_is_refused() {
    let name = OsString::from("TIERLINE_DATA_DIR");
    let value = OsString::from_vec(vec![b'/', 0xe9]);
    let error = config::parse("t.toml", "", [(name, value)]).unwrap_err();
    assert_eq!(error.to_string(), "environment: TIERLINE_DATA_DIR is not UTF-8 text");
}

#[test]
fn other_machines_are_let_in_only_when_that_is_said() {
    let text = "[listen]\ngrpc = \"0.0.0.0:7700\"\ninsecure = true";
    let config = read(text, &[]).unwrap();
    assert!(config.listen.insecure && !config.listen.grpc.ip().is_loopback());
    read("[listen]\ngrpc = \"127.9.9.9:7700\"", &[]).unwrap();
    // Port 0 is another port each time.
    read("[listen]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"", &[]).unwrap();
}

#[test]
fn the_password_comes_from_the_environment_or_a_file_and_is_never_shown() {
    let variable = ("TIERLINE_DIRECTORY_PASSWORD", "hunter2");
    let config = read("", &[variable]).unwrap();
    assert_eq!(config.directory.password.as_ref().unwrap().expose(), "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "s3cret \nsecond line\n").unwrap();
    let text = format!("[directory]\npassword_file = {file:?}");
    let config = read(&text, &[]).unwrap();
    assert_eq!(config.directory.password.as_ref().unwrap().expose(), "s3cret ");
    assert_eq!(config.directory.password_file.as_deref(), Some(file.as_path()));

    // Empty means not given, so that a container can pass on what it does not have.
    assert!(read(&text, &[("TIERLINE_DIRECTORY_PASSWORD", "")]).is_ok());
    let both = faults_of(&text, &[variable]);
    assert!(both.starts_with("environment: TIERLINE_DIRECTORY_PASSWORD is given, and so is"));

    std::fs::write(&file, "\n").unwrap();
    assert!(faults_of(&text, &[]).ends_with("does not begin with a password in a line of its own"));
}

#[test]
fn no_message_shows_a_password() {
    for text in [
        "[directory]\nurl = \"redis://user:hunter2@127.0.0.1\"",
        "[directory]\nurl = \"redis://:hunter2/@127.0.0.1\"",
        "[directory]\nurl = \"user:hunter2@127.0.0.1\"",
        "[directory]\nurl = redis://:hunter2@127.0.0.1",
        "[directory]\npassword = \"hunter2\"",
        "[directory]\npassword = hunter2",
        "[directory]\npassword = 'hunter2",
        "[directory]\npasword = \"hunter2\"",
    ] {
        let said = faults_of(text, &[]);
        assert!(said.starts_with("t.toml:2: "), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let said = faults_of("", &[("TIERLINE_DIRECTORY_URL", "redis://:hunter2@127.0.0.1")]);
    assert!(said.contains("TIERLINE_DIRECTORY_URL") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_settings_file_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing.toml");
    let said = config::load(Some(&path), []).unwrap_err().to_string();
    assert!(said.starts_with(&format!("{}: cannot be read: ", path.display())), "{said}");
}
