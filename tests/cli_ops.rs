//! What supervisors and engineers ask and do at the terminal, against a real server: explanations, audits,
//! events, supervision, the agent on a stream, and a policy file that changes.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/floor.rs"]
mod floor;
#[path = "support/running.rs"]
mod running;

use floor::{Background, Floor, shipped};
use running::{Folder, Running};
use serde_json::Value;
use std::io::Write as _;

/// A step of `tierline work` for each line.
fn steps(work: &mut Background) -> impl Iterator<Item = Value> + use<> {
    work.lines().map(|line| serde_json::from_str(&line).expect("a line is JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_and_why_not_tell_of_what_waits_what_is_held_and_what_has_ended() {
    let floor = Floor::open().await;
    floor.put_agent("ada");
    floor.run(&["submit", "--tier", "standard", "--id", "S"]).with_code(0);
    floor.run(&["submit", "--tier", "gold", "--id", "G"]).with_code(0);

    let away = floor.run(&["why-not", "G", "ada"]).with_code(0).out;
    assert!(away.contains("away"), "{away}");
    let json = floor.json(&["why-not", "G", "ada"]);
    assert_eq!(
        (&json["would_get"], &json["conditions"][0]["kind"]),
        (&false.into(), &"away".into())
    );
    let agent = floor.json(&["explain", "--agent", "ada"]);
    assert_eq!((&agent["agent_id"], &agent["passed_queue_count"]), (&"ada".into(), &0.into()));
    let agent = floor.run(&["explain", "--agent", "ada"]).with_code(0).out;
    assert!(agent.contains("gold/voice/desk"), "{agent}");
    let waiting = floor.json(&["explain", "S"]);
    assert_eq!(waiting["crews"][0]["chosen_ticket_id"], "G");
    assert_eq!(waiting["past"], Value::Null);

    floor.run(&["work", "ada", "--once", "--auto", "0"]).with_code(0);
    let ended = floor.run(&["explain", "G"]).with_code(0).out;
    assert!(ended.contains("given to agent ada by the step at-risk"), "{ended}");
    assert!(ended.contains("*  gold/voice/desk") && ended.contains("taken (at-risk)"), "{ended}");
    let json = floor.json(&["explain", "G"]);
    let past = &json["past"];
    assert_eq!((&past["agent_id"], &past["candidate_count"]), (&"ada".into(), &2.into()));
    assert_eq!(past["candidates"][1]["ticket_id"], "S");

    // The same by the number of its event, which the events tell.
    let assigned = floor.run(&["--output", "json", "events", "--from", "0", "--type", "assigned"]);
    let seq = assigned.with_code(0).json_lines()[0]["seq"].to_string();
    let by_event = floor.json(&["explain", "G", "--decision", &seq]);
    assert_eq!(by_event["past"]["candidates"], past["candidates"]);
    assert_eq!(by_event["past"]["policy_version"], "default-1");
    let other = floor.run(&["explain", "S", "--decision", &seq]).with_code(64).err;
    assert!(other.contains("neither assigns nor offers this ticket"), "{other}");
    let never = floor.run(&["explain", "G", "--decision", "999999"]).with_code(1).err;
    assert!(never.contains("the first that is kept is 1"), "{never}");
    floor.run(&["explain", "nobody"]).with_code(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_supervise_and_events_do_what_they_say_as_text_and_as_json() {
    let floor = Floor::open().await;
    floor.put_agent("ada");
    for id in ["A", "B"] {
        floor.run(&["submit", "--tier", "standard", "--id", id]).with_code(0);
    }
    let told = floor.run(&["audit"]).with_code(0).out;
    assert!(told.contains("2 tickets") && told.contains("0 faults"), "{told}");
    let json = floor.json(&["audit"]);
    assert_eq!((&json["ticket_count"], &json["faults"]), (&2.into(), &Value::Array(vec![])));
    floor.run(&["audit", "--release", "nobody"]).with_code(1);

    let front = ["supervise", "front", "B", "--reason", "called three times", "--by", "eve"];
    let told = floor.run(&front).with_code(0).out;
    assert!(told.contains('B'), "{told}");
    assert_eq!(floor.json(&["explain", "A"])["crews"][0]["chosen_ticket_id"], "B");
    let withdrawn = floor.json(&["supervise", "withdraw", "A", "--reason", "sent twice"]);
    assert_eq!((&withdrawn["ticket_id"], &withdrawn["state"]), (&"A".into(), &"cancelled".into()));
    let absent = ["supervise", "assign", "B", "ada", "--reason", "she knows the case"];
    assert!(floor.run(&absent).with_code(1).err.contains("away"));
    floor.run(&["supervise", "front", "B"]).with_code(64);

    let all = floor.run(&["events", "--from", "0"]).with_code(0).out;
    assert!(all.contains("submitted") && all.contains("called three times"), "{all}");
    let acts = ["--output", "json", "events", "--from", "0", "--type", "intervened,cancelled"];
    let acts = floor.run(&acts).with_code(0).json_lines();
    assert_eq!((&acts[0]["reason"], &acts[0]["by"]), (&"called three times".into(), &"eve".into()));
    assert_eq!(acts.last().unwrap()["ticket_id"], "A");
    let seqs: Vec<_> = acts.iter().map(|act| act["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    floor.run(&["events", "--type", "nonsense"]).with_code(64);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_stream_offers_are_accepted_and_declined_by_what_is_typed() {
    let floor = Floor::open().await;
    floor.put_agent("ada");
    let push = ["--output", "json", "work", "ada", "--push"];
    let mut work = Background::spawn(floor.command(&push));
    let mut steps = steps(&mut work);
    let mut keys = work.0.stdin.take().unwrap();
    floor.until(|overview| overview["pools"][0]["idle_count"] == 1);
    floor.run(&["submit", "--tier", "gold", "--id", "A", "--subject", "card lost"]).with_code(0);
    let offered = steps.next().unwrap();
    assert_eq!(
        (&offered["event"], &offered["ticket"]["subject"]),
        (&"offered".into(), &"card lost".into())
    );
    assert_eq!(floor.json(&["ticket", "get", "A"])["state"], "offered");
    writeln!(keys, "/decline lunch").unwrap();
    let declined = steps.next().unwrap();
    assert_eq!((&declined["event"], &declined["ticket_id"]), (&"declined".into(), &"A".into()));
    assert!(declined["until"].is_string(), "{declined}");

    floor.run(&["submit", "--tier", "gold", "--id", "B"]).with_code(0);
    assert_eq!(steps.next().unwrap()["ticket"]["ticket_id"], "B");
    writeln!(keys).unwrap();
    assert_eq!(steps.next().unwrap()["event"], "assigned");
    writeln!(keys, "called back").unwrap();
    let completed = steps.next().unwrap();
    assert_eq!((&completed["event"], &completed["ticket_id"]), (&"completed".into(), &"B".into()));
    assert_eq!(floor.json(&["ticket", "get", "B"])["note"], "called back");

    // Away takes the offer back; the end of the command is the end of the presence.
    floor.run(&["submit", "--tier", "gold", "--id", "C"]).with_code(0);
    assert_eq!(steps.next().unwrap()["ticket"]["ticket_id"], "C");
    work.interrupt();
    assert_eq!(work.ended().await, 0);
    assert_eq!(floor.json(&["agents", "get", "ada"])["presence"], "away");
    assert_eq!(floor.json(&["ticket", "get", "C"])["state"], "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_opened_again_when_the_server_is_back_and_the_ticket_in_hand_stays() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = Folder::new("", "");
    let config = std::fs::read_to_string(folder.path().join("tierline.toml")).unwrap();
    let grpc = "grpc = \"127.0.0.1:0\"";
    folder.write("tierline.toml", &config.replace(grpc, &format!("grpc = \"127.0.0.1:{port}\"")));
    let server = folder.start().await;
    let mut floor = Floor { folder, server };
    floor.put_agent("ada");
    floor.run(&["submit", "--tier", "gold", "--id", "A"]).with_code(0);
    let mut work = Background::spawn(floor.command(&["--output", "json", "work", "ada", "--push"]));
    let mut steps = steps(&mut work);
    let mut keys = work.0.stdin.take().unwrap();
    assert_eq!(steps.next().unwrap()["event"], "offered");
    writeln!(keys).unwrap();
    assert_eq!(steps.next().unwrap()["event"], "assigned");

    let again = floor.folder.serve();
    floor.server.signal("TERM").await;
    let Floor { folder, server } = floor;
    server.ended().await;
    floor = Floor { folder, server: Running::of(again).await };
    floor.until(|overview| overview["pools"][0]["away_count"] == 0);
    writeln!(keys, "done").unwrap();
    let completed = steps.next().unwrap();
    assert_eq!((&completed["event"], &completed["ticket_id"]), (&"completed".into(), &"A".into()));
    floor.run(&["submit", "--tier", "gold", "--id", "B"]).with_code(0);
    assert_eq!(steps.next().unwrap()["event"], "offered");
    work.interrupt();
    assert_eq!(work.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_accepted_by_themselves_with_auto_and_nothing_within_the_wait_is_75() {
    let floor = Floor::open().await;
    floor.put_agent("ada");
    let none = floor.run(&["work", "ada", "--push", "--auto", "0", "--wait", "300ms"]);
    assert!(none.with_code(75).err.contains("no ticket came"));
    floor.run(&["submit", "--tier", "gold", "--id", "A"]).with_code(0);
    let done = floor.run(&["--output", "json", "work", "ada", "--push", "--auto", "0", "--once"]);
    let steps = done.with_code(0).json_lines();
    let events: Vec<_> = steps.iter().map(|step| step["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["offered", "assigned", "completed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_file_is_taken_on_sighup_and_a_faulty_one_is_not() {
    let folder = Folder::new("", "");
    let shipped = std::fs::read_to_string(shipped("config/default.toml")).unwrap();
    folder.write("own.toml", &shipped);
    let mut serve = folder.serve();
    serve.arg("--policy").arg(folder.path().join("own.toml"));
    let floor = Floor { server: Running::of(serve).await, folder };
    let version = || floor.json(&["policy", "show"])["policy"]["version"].clone();
    assert_eq!(version(), "default-1");

    let second = shipped.replace("version = \"default-1\"", "version = \"second\"");
    floor.folder.write("own.toml", &second.replace("voice = \"15s\"", "voice = \"20s\""));
    floor.server.signal("HUP").await;
    floor.server.logged("a new policy is in force").await;
    // What is shown may be a tenth of a second old.
    floor.until(|overview| overview["policy_version"] == "second");
    assert_eq!(version(), "second");

    floor.folder.write("own.toml", &second.replace("rank = 1", "rank = 0"));
    floor.server.signal("HUP").await;
    floor.server.logged("the policy stays as it was").await;
    floor.server.logged("rank = 0 is not between 1 and 1000").await;
    assert_eq!(version(), "second");
    floor.run(&["submit", "--tier", "gold"]).with_code(0);
}
