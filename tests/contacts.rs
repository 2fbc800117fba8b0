//! The contact plan on the real server: today's contacts become tickets by themselves, each once, over
//! restarts and policies, and the calendar tells what is to come.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/floor.rs"]
mod floor;
#[path = "support/running.rs"]
mod running;

use floor::{Done, shipped, tierline};
use running::{Folder, LONG, Running};
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;
use tokio::time::timeout;

const RULES: &str = r#"
[[contact]]
name = "birthday"
tiers = ["gold"]
yearly_on = "birthday"
subject = "Happy birthday"

[[contact]]
name = "first-order"
after = "14d"
from = "first_order"
subject = "Did the first order go well?"
"#;

/// A folder with a policy of ours and five customers, of whom three are contacted today.
fn folder() -> Folder {
    let folder = Folder::new("", "");
    let policy = std::fs::read_to_string(shipped("config/default.toml")).unwrap();
    folder.write("policy.toml", &(policy + RULES));
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let ago = |days: i64| today.checked_sub(jiff::Span::new().days(days)).unwrap();
    let birthday = format!("1980-{:02}-{:02}", today.month(), today.day());
    let mut file = "id,tier,attr:birthday,attr:first_order\n".to_owned();
    writeln!(file, "C-1,gold,{birthday},").unwrap();
    writeln!(file, "C-2,gold,,{}", ago(14)).unwrap();
    writeln!(file, "C-3,standard,{birthday},{}", ago(14)).unwrap();
    writeln!(file, "C-4,silver,,{}", ago(10)).unwrap();
    writeln!(file, "C-5,silver,soon,never").unwrap();
    folder.write("customers.csv", &file);
    folder
}

fn serve(folder: &Folder) -> Command {
    let mut command = folder.serve();
    command.arg("--policy").arg(folder.path().join("policy.toml"));
    command.arg("--import-customers").arg(folder.path().join("customers.csv"));
    command
}

fn run(server: &Running, arguments: &[&str]) -> Done {
    let mut command = tierline();
    command.arg("--server").arg(format!("http://{}", server.grpc));
    Done::of(command.args(arguments).output().unwrap())
}

fn outbound(server: &Running) -> Vec<(String, String)> {
    let listed = run(server, &["--output", "json", "ticket", "list"]).with_code(0).json();
    let mut tickets: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|ticket| ticket["channel"] == "outbound")
        .map(|ticket| (ticket["customer_id"].to_string(), ticket["subject"].to_string()))
        .collect();
    tickets.sort();
    tickets
}

/// The tickets of today, as soon as there are so many.
async fn until(server: &Running, count: usize) -> Vec<(String, String)> {
    let there = async {
        loop {
            let tickets = outbound(server);
            if tickets.len() >= count {
                return tickets;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, there).await.expect("the day's contacts are planned")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_contact_of_today_is_a_ticket_once_over_restarts() {
    let folder = folder();
    let server = Running::of(serve(&folder)).await;
    // The customers may have come after the first round: the command looks again.
    let told = run(&server, &["plan", "contacts"]).with_code(0).out;
    assert!(told.contains("3 contacts for 5 customers"), "{told}");
    let tickets = until(&server, 3).await;
    let expected = [
        (r#""C-1""#, r#""Happy birthday""#),
        (r#""C-2""#, r#""Did the first order go well?""#),
        (r#""C-3""#, r#""Did the first order go well?""#),
    ];
    assert_eq!(tickets, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let again = run(&server, &["--output", "json", "plan", "contacts"]).with_code(0).json();
    assert_eq!((&again["created_count"], &again["existing_count"]), (&0.into(), &3.into()));

    // One is done: it is not made again, not even by a server that has lost the note of the day.
    run(&server, &["agents", "put", "ada", "--pool", "desk"]).with_code(0);
    run(&server, &["work", "ada", "--once", "--auto", "0"]).with_code(0);
    server.kill();
    std::fs::remove_file(folder.path().join("data/contacts-done")).unwrap();
    let server = Running::of(serve(&folder)).await;
    server.logged("contacts of the day are planned").await;
    let again = run(&server, &["--output", "json", "plan", "contacts"]).with_code(0).json();
    assert_eq!((&again["created_count"], &again["existing_count"]), (&0.into(), &3.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_tells_what_is_to_come_and_creates_nothing() {
    let folder = folder();
    let server = Running::of(serve(&folder)).await;
    let plan = ["--output", "json", "plan", "contacts", "--dry-run", "--days", "5"];
    let report = run(&server, &plan).with_code(0).json();
    let of = |customer: &str| {
        let all = report["contacts"].as_array().unwrap().iter();
        all.filter(|contact| contact["customer_id"] == customer).count()
    };
    assert_eq!(of("C-4"), 1, "in four days it is two weeks: {report}");
    assert_eq!(of("C-5"), 0, "what is no date is no contact");
    let told = run(&server, &["plan", "contacts", "--dry-run", "--days", "5"]).with_code(0).out;
    assert!(told.contains("nothing was created"), "{told}");
    let bad = ["plan", "contacts", "--dry-run", "--from", "22.11.2026"];
    let told = run(&server, &bad).with_code(64).err;
    assert!(told.contains("first_day") && told.contains("22.11.2026"), "{told}");
}
