//! The real binary as people and scripts use it: help, exit codes, output, and whole stories against a
//! real server.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/floor.rs"]
mod floor;
#[path = "support/running.rs"]
mod running;

use floor::{Background, Done, Floor, run, shipped, tierline};
use running::{Folder, Running};
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;

/// Every path of commands there is, found by following the help.
fn all_commands() -> Vec<Vec<String>> {
    let (mut open, mut all) = (vec![vec![]], vec![]);
    while let Some(path) = open.pop() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = run(&arguments).with_code(0).out;
        let commands = help.split("\nCommands:\n").nth(1).into_iter().flat_map(|rest| {
            rest.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
                // Names stand two columns in; what is further in belongs to the line before.
                line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split(' ').next()
            })
        });
        for command in commands.filter(|command| *command != "help") {
            let mut longer = path.clone();
            longer.push(command.to_owned());
            open.push(longer);
        }
        all.push(path);
    }
    all
}

#[test]
fn every_command_explains_itself() {
    let commands = all_commands();
    assert!(commands.len() > 25, "only {} commands were found", commands.len());
    for path in &commands {
        let mut arguments = vec!["help"];
        arguments.extend(path.iter().map(String::as_str));
        let help = run(&arguments).with_code(0).out;
        let usage = ["Usage: tierline".to_owned()].into_iter().chain(path.clone());
        assert!(help.contains(&usage.collect::<Vec<_>>().join(" ")), "{path:?}:\n{help}");
        let about = help.lines().next().unwrap();
        assert!(about.len() > 10, "{path:?} says too little: {about}");
    }
}

#[test]
fn shells_get_completions_for_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).with_code(0).out;
        for command in ["submit", "customers", "rehearse"] {
            assert!(script.contains(command), "{shell} lacks {command}");
        }
    }
    run(&["completions", "abacus"]).with_code(64);
}

#[test]
fn a_sound_policy_is_described_with_its_bound_on_starving() {
    let policy = shipped("config/default.toml");
    let told = run(&["policy", "check", &policy]).with_code(0).out;
    assert!(told.contains("starving head within"), "{told}");
    assert!(told.contains("30 dispatches"), "{told}");
    let json = run(&["--output", "json", "policy", "check", &policy]).with_code(0).json();
    assert_eq!(json["faults"], Value::Array(vec![]));
    assert_eq!(json["policy"]["pools"][0]["starving_head_taken_within"], 30);
}

#[test]
fn the_hours_of_a_policy_say_when_they_open_next() {
    let policy = shipped("config/default.toml");
    let hours = |more: &[&str]| {
        let mut arguments = vec!["policy", "hours", &policy, "office"];
        arguments.extend(more);
        run(&arguments)
    };
    let told = hours(&["--at", "2026-12-24T12:00:00Z"]).with_code(0).out;
    assert!(told.contains("office in Europe/Zurich"), "{told}");
    assert!(told.contains("2026-12-24 Christmas Eve: 08:00-12:00"), "{told}");
    assert!(
        told.contains("Thu 2026-12-24 13:00 +01:00: closed, opens Mon 2026-12-28 08:00 +01:00"),
        "{told}"
    );
    let json =
        run(&["--output", "json", "policy", "hours", &policy, "--at", "2026-03-27T11:30:00Z"]);
    let json = json.with_code(0).json();
    // The clocks change on the Sunday between.
    assert_eq!(json[0]["is_open"], false);
    assert_eq!(json[0]["opens_at"], "2026-03-27T12:00:00Z");
    assert_eq!(json[0]["closes_at"], "2026-03-27T16:00:00Z");
    let told = run(&["policy", "hours", &policy, "night"]).with_code(64).err;
    assert!(told.contains("no hours \"night\"; known: office"), "{told}");
}

#[test]
fn every_fault_of_a_policy_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.toml").display().to_string();
    std::fs::write(&policy, "version = \"x\"\n[[tier]]\nname = \"gold\"\nrank = 0\n").unwrap();
    let told = run(&["policy", "check", &policy]).with_code(64).err;
    assert!(told.contains(":4: tier \"gold\": rank = 0 is not between 1 and 1000"), "{told}");
    assert!(told.contains("respond_within is missing"), "{told}");
    let json = run(&["--output", "json", "policy", "check", &policy]).with_code(64).json();
    assert_eq!(json["faults"].as_array().unwrap().len(), told.lines().count());
    assert_eq!(json["policy"], Value::Null);
    run(&["policy", "check", "no such file"]).with_code(66);
}

#[test]
fn what_cannot_be_understood_is_64_before_anybody_is_asked() {
    let cases: &[&[&str]] = &[
        &["bogus"],
        &["submit", "--channel", "smoke"],
        &["submit", "--phone", "1", "--card", "2"],
        &["submit", "--customer", "fax:1"],
        &["submit", "--attribute", "novalue"],
        &["agents", "put", "ada"],
        &["customers", "get"],
        &["top", "--interval", "soon"],
        &["--server", "https://127.0.0.1:7700", "top", "--once"],
        &["--output", "yaml", "agents", "list"],
    ];
    for arguments in cases {
        let done = run(arguments).with_code(64);
        assert!(done.err.starts_with("error: "), "{arguments:?}: {}", done.err);
    }
    let done = Done::of(tierline().env("TIERLINE_OUTPUT", "yaml").arg("top").output().unwrap());
    done.with_code(64);
}

#[test]
fn without_a_server_people_are_told_how_to_start_one() {
    // Bound and closed again: nobody else is likely to get it within the test.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{address}");
    let bank = shipped("config/bank.toml");
    let on_server = ["rehearse", "--generate", "1", "--policy", &bank, "--on-server"];
    for command in [&["agents", "list"][..], &["top"], &["work", "ada"], &["submit"], &on_server] {
        let mut arguments = vec!["--server", &server];
        arguments.extend(command);
        let told = run(&arguments).with_code(69).err;
        assert!(told.contains(&format!("no server at {server}")), "{told}");
        assert!(told.contains("tierline serve"), "{told}");
    }
}

#[test]
fn a_reader_who_has_enough_ends_a_command_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = Done::of(tierline().args(["completions", "zsh"]).stdout(writer).output().unwrap());
    assert_eq!(done.with_code(0).err, "");
}

fn farewell<'a>(step: &[&'a str]) -> Vec<&'a str> {
    [&["customers", "farewell"], step].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farewell_is_proposed_confirmed_by_another_and_taken_back() {
    let floor = Floor::open().await;
    floor.put_agent("vera");
    floor.run(&["customers", "put", "C-1", "--tier", "silver"]).with_code(0);
    let propose = |date: &'static str| {
        let who = ["propose", "C-1", "--by", "kim", "--agent", "vera", "--date", date];
        farewell(&[&who[..], &["--reason", "two talks"]].concat())
    };
    let told = floor.run(&propose("tomorrow")).with_code(64).err;
    assert!(told.contains(r#"transition_date: "tomorrow" is not a day such as"#), "{told}");
    let json = floor.json(&propose("2199-03-31"));
    assert_eq!(json["attributes"]["farewell_proposed_by"], "kim");
    let told = floor.run(&farewell(&["confirm", "C-1", "--by", "kim"])).with_code(1).err;
    assert!(told.contains("takes two people") && told.contains("customers get ID"), "{told}");
    let json = floor.json(&farewell(&["confirm", "C-1", "--by", "lee"]));
    assert_eq!(json["attributes"]["standing"], "farewell");
    assert_eq!(json["attributes"]["account_manager"], "vera");
    let shown = floor.run(&farewell(&["withdraw", "C-1", "--by", "max"])).with_code(0).out;
    assert!(shown.contains("farewell_withdrawn_by = max"), "{shown}");
    assert!(!shown.contains("standing"), "{shown}");
    floor.run(&farewell(&["confirm", "C-1"])).with_code(64);
    let help = floor.run(&farewell(&["--help"])).with_code(0).out;
    assert!(help.contains("two of them decide") && help.contains("withdraw"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_go_in_and_faulty_lines_stay_out() {
    let floor = Floor::open().await;
    let sample = floor.run(&["customers", "import", &shipped("config/customers.csv")]).with_code(0);
    assert!(sample.out.contains("30 of 30 customers stored"), "{}", sample.out);
    let file = floor.file(
        "faulty.csv",
        &format!(
            "id,tier,name,phone\nX-1,gold,Good One,+1 555 1\n,gold,No Id,\nX-3,{},Long Tier,\nX-4,mithril,Odd,\n",
            "x".repeat(65)
        ),
    );
    let told = floor.run(&["customers", "import", &file]).with_code(65);
    assert!(told.out.contains("2 of 4 customers stored, 2 lines refused"), "{}", told.out);
    assert!(told.err.contains("line 3: id") && told.err.contains("line 4: tier"), "{}", told.err);
    assert!(
        told.err.contains("tier \"mithril\" of 1 customer is not in the policy"),
        "{}",
        told.err
    );
    let json = floor.run(&["--output", "json", "customers", "import", &file]).with_code(65).json();
    assert_eq!(json["stored_count"], 2);
    assert_eq!(json["faults"][1]["line"], 4);
    assert_eq!(floor.json(&["customers", "get", "--phone", "+1-555-1"])["customer_id"], "X-1");
    let wrong = floor.file("wrong.csv", "who,tier\n1,gold\n");
    assert!(floor.run(&["customers", "import", &wrong]).with_code(65).err.contains("who"));
    floor.run(&["customers", "import", "no such file"]).with_code(66);

    let put = ["customers", "put", "X-9", "--tier", "silver", "--email", "A@b.example"];
    floor.run(&put).with_code(0);
    let found = floor.json(&["customers", "get", "--email", "a@B.example"]);
    assert_eq!((&found["customer_id"], &found["tier"]), (&"X-9".into(), &"silver".into()));
    floor.run(&["customers", "delete", "X-9"]).with_code(0);
    let told = floor.run(&["customers", "get", "X-9"]).with_code(1).err;
    assert!(told.contains("tierline customers put"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_submitted_explained_worked_on_and_found_again() {
    let floor = Floor::open().await;
    floor.run(&["customers", "import", &shipped("config/customers.csv")]).with_code(0);
    floor.put_agent("ada");
    let submit = ["submit", "--phone", "+1 202 555 0101", "--id", "T-1", "--subject", "card lost"];
    let told = floor.run(&submit).with_code(0).out;
    assert!(told.contains("gold (found C-1001)") && told.contains("within 15s"), "{told}");
    assert_eq!(floor.json(&submit)["duplicate"], true);
    let other = floor.run(&["submit", "--id", "T-1", "--subject", "other"]).with_code(1).err;
    assert!(other.contains("T-1") && other.contains("choose another --id"), "{other}");
    let odd = floor.run(&["submit", "--tier", "mithril"]).with_code(64).err;
    assert!(odd.contains("tier: ") && odd.contains("tierline policy show"), "{odd}");

    let explained = floor.json(&["ticket", "explain", "T-1"]);
    assert_eq!(explained["crews"][0]["chosen_ticket_id"], "T-1");
    let told = floor.run(&["ticket", "explain", "T-1"]).with_code(0).out;
    assert!(told.contains("*  gold/voice/desk"), "{told}");

    let worked = floor.run(&["--output", "json", "work", "ada", "--once", "--auto", "0"]);
    let steps = worked.with_code(0).json_lines();
    assert_eq!(steps[0]["event"], "assigned");
    assert_eq!(steps[0]["ticket"]["subject"], "card lost");
    assert_eq!(steps[1]["event"], "completed");
    assert_eq!(steps[1]["response_in_deadline"], true);
    assert_eq!(steps.len(), 2);
    let ticket = floor.json(&["ticket", "get", "T-1"]);
    assert_eq!((&ticket["state"], &ticket["outcome"]), (&"completed".into(), &"solved".into()));
    assert_eq!(floor.json(&["agents", "get", "ada"])["presence"], "away");
    floor.run(&["work", "ada", "--once", "--auto", "0", "--wait", "0s"]).with_code(75);
    let told = floor.run(&["work", "nobody", "--auto", "0"]).with_code(1).err;
    assert!(told.contains("tierline agents put"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queues_are_shown_as_tables_and_as_json() {
    let floor = Floor::open().await;
    floor.run(&["submit", "--tier", "gold", "--id", "A"]).with_code(0);
    let many = floor.run(&["submit", "--channel", "email", "--count", "25", "--id", "B"]);
    assert!(many.with_code(0).out.ends_with("and 5 more: 25 tickets\n"));
    // What is shown may be a tenth of a second old.
    floor.until(|overview| overview["waiting_count"] == 26);
    let overview = floor.json(&["top", "--once"]);
    assert_eq!(overview["queues"][0]["queue_id"], "gold/voice/desk");
    assert_eq!(overview["queues"][1]["depth"], 25);
    let told = floor.run(&["top", "--once"]).with_code(0).out;
    assert!(told.contains("26 tickets waiting") && told.contains("gold/voice/desk"), "{told}");
    assert!(!told.contains('\u{1b}'), "a pipe is no terminal: {told:?}");

    let listed = floor.json(&["ticket", "list", "--tier", "standard", "--limit", "7"]);
    assert_eq!(listed.as_array().unwrap().len(), 7);
    assert_eq!(listed[0]["ticket_id"], "B-1");
    let shown = floor.run(&["ticket", "list", "--limit", "7"]).with_code(0);
    assert!(shown.err.contains("there are more"), "{}", shown.err);
    let in_force = floor.json(&["policy", "show"]);
    let checked = run(&["--output", "json", "policy", "check", &shipped("config/default.toml")]);
    assert_eq!(in_force["policy"], checked.with_code(0).json()["policy"]);

    let data = floor.folder.path().join("data").display().to_string();
    let verified = floor.json(&["journal", "verify", &data]);
    assert_eq!((&verified["whole"], &verified["ticket_count"]), (&true.into(), &26.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_every_state_until_the_ticket_ends() {
    let floor = Floor::open().await;
    floor.run(&["submit", "--tier", "gold", "--id", "T"]).with_code(0);
    let watch = floor.command(&["--output", "json", "ticket", "watch", "T"]);
    let mut watch = Background::spawn(watch);
    let mut lines = watch.lines().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    assert_eq!(lines.next().unwrap()["state"], "waiting");
    floor.run(&["ticket", "cancel", "T", "--reason", "caller hung up"]).with_code(0);
    let last = lines.next().unwrap();
    assert_eq!((&last["state"], &last["reason"]), (&"cancelled".into(), &"caller hung up".into()));
    assert_eq!(lines.next(), None);
    assert_eq!(watch.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_moved_by_a_supervisor_and_written_up_by_its_agent() {
    let floor = Floor::open().await;
    let default = std::fs::read_to_string(shipped("config/default.toml")).unwrap();
    let policy = default.replace("wrap_up = \"0s\"", "wrap_up = \"1h\"");
    let policy = policy.replace("version = \"default-1\"", "version = \"default-2\"");
    let file = floor.file("wrap-up.toml", &policy);
    floor.run(&["policy", "apply", &file, "--reason", "calls are written up"]).with_code(0);
    floor.put_agent("ada");
    floor.run(&["submit", "--tier", "gold", "--id", "T-1"]).with_code(0);
    let moved = ["supervise", "move", "T-1", "--agent", "ada", "--reason", "she knows the case"];
    let told = floor.run(&moved).with_code(0).out;
    assert!(told.contains("T-1 is waiting"), "{told}");

    let worked = floor.run(&["--output", "json", "work", "ada", "--once", "--auto", "0"]);
    let steps = worked.with_code(0).json_lines();
    let events: Vec<_> = steps.iter().map(|step| step["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["assigned", "completed", "wrapped_up"]);
    let token = steps[0]["lease_token"].to_string();
    let again = ["agents", "wrapped-up", "ada", "T-1", "--token", &token];
    assert_eq!(floor.json(&again)["wrap_ups"], serde_json::json!([]));
    let told =
        floor.run(&["agents", "wrapped-up", "ada", "T-1", "--token", "999"]).with_code(1).err;
    assert!(told.contains("has been completed"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_nobody_can_complete_is_not_taken() {
    let floor = Floor::open().await;
    floor.put_agent("ada");
    floor.run(&["submit", "--tier", "gold", "--id", "T"]).with_code(0);
    let told = floor.run(&["work", "ada"]).with_code(64).err;
    assert!(told.contains("--auto"), "{told}");
    let ticket = floor.json(&["ticket", "get", "T"]);
    assert_eq!((&ticket["state"], &ticket["assigned_count"]), (&"waiting".into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_of_a_tier_that_the_policy_lacks_is_stored_with_a_warning() {
    let floor = Floor::open().await;
    let put = |tier| floor.run(&["customers", "put", "C-1", "--tier", tier]).with_code(0).err;
    assert!(put("mithril").contains("tier \"mithril\" of 1 customer is not in the policy"));
    assert_eq!(floor.json(&["customers", "get", "C-1"])["tier"], "mithril");
    assert!(!put("gold").contains("warning"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_gives_the_ticket_back_and_sets_the_agent_away() {
    let floor = Floor::open().await;
    floor.put_agent("ada");
    let mut work = Background::spawn(floor.command(&["--output", "json", "work", "ada"]));
    let mut lines = work.lines().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    floor.run(&["submit", "--tier", "gold", "--id", "T"]).with_code(0);
    assert_eq!(lines.next().unwrap()["event"], "assigned");
    work.interrupt();
    assert_eq!(lines.next().unwrap()["event"], "released");
    assert_eq!(work.ended().await, 0);
    assert_eq!(floor.json(&["ticket", "get", "T"])["state"], "waiting");
    assert_eq!(floor.json(&["agents", "get", "ada"])["state"], "away");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_while_waiting_for_work_sets_the_agent_away() {
    let floor = Floor::open().await;
    floor.put_agent("ada");
    let work = Background::spawn(floor.command(&["work", "ada"]));
    floor.until(|overview| overview["pools"][0]["idle_count"] == 1);
    work.interrupt();
    assert_eq!(work.ended().await, 0);
    assert_eq!(floor.json(&["agents", "get", "ada"])["state"], "away");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_completes_with_a_note_or_gives_back() {
    let floor = Floor::open().await;
    floor.put_agent("ada");
    floor.run(&["submit", "--tier", "gold", "--id", "T"]).with_code(0);
    let mut work = Background::spawn(floor.command(&["--output", "json", "work", "ada"]));
    let mut lines = work.lines().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let mut keys = work.0.stdin.take().unwrap();
    assert_eq!(lines.next().unwrap()["event"], "assigned");
    writeln!(keys, "/release not mine").unwrap();
    assert_eq!(lines.next().unwrap()["reason"], "not mine");
    // It is the next one again.
    assert_eq!(lines.next().unwrap()["ticket"]["assigned_count"], 2);
    writeln!(keys, "called back").unwrap();
    assert_eq!(lines.next().unwrap()["event"], "completed");
    assert_eq!(floor.json(&["ticket", "get", "T"])["note"], "called back");
    work.interrupt();
    assert_eq!(work.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_extended_for_as_long_as_the_ticket_is_in_hand() {
    let folder = Folder::new("", "");
    let policy = std::fs::read_to_string(shipped("config/default.toml")).unwrap();
    folder.write("short.toml", &policy.replace("lease = \"15m\"", "lease = \"1s\""));
    let short: PathBuf = folder.path().join("short.toml");
    let mut serve = folder.serve();
    serve.arg("--policy").arg(short);
    let floor = Floor { server: Running::of(serve).await, folder };
    floor.put_agent("ada");
    floor.run(&["submit", "--tier", "gold", "--id", "T"]).with_code(0);
    let work = ["--output", "json", "work", "ada", "--once", "--auto", "2500ms"];
    let steps = floor.run(&work).with_code(0).json_lines();
    assert_eq!(steps[1]["event"], "completed", "{steps:?}");
    let ticket = floor.json(&["ticket", "get", "T"]);
    assert_eq!(ticket["assigned_count"], 1);
    assert!(ticket["handle_ms"].as_i64().unwrap() >= 2500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_journal_is_named_and_a_missing_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    run(&["journal", "verify", &path]).with_code(66);
    std::fs::write(folder.path().join("tierline.db"), "not a database at all").unwrap();
    let told = run(&["journal", "verify", &path]).with_code(65).out;
    assert!(told.contains("DAMAGED") && told.contains("tierline.db"), "{told}");
    let json = run(&["--output", "json", "journal", "verify", &path]).with_code(65).json();
    assert_eq!(json["whole"], false);
}
