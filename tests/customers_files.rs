//! `tierline customers export` and `import`: what goes out comes in again, through a server and
//! straight into Redis.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/floor.rs"]
mod floor;
#[path = "support/redis.rs"]
mod redis_server;
#[path = "support/running.rs"]
mod running;

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use floor::{Floor, run, shipped};
use redis_server::RedisServer;

/// The lines of a file in an order of their own: a store has its own.
fn sorted(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("the file is there");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[1..].sort();
    lines
}

/// Customers with everything that a file can hold; with a few hundred there is more than one page.
fn many(count: usize) -> String {
    let mut text = "id,tier,name,phone,card,email,account,attr:city,attr:note\n".to_owned();
    for n in 0..count {
        let _ = writeln!(
            text,
            "C-{n},gold,\"Ada \"\"{n}\"\", Example\",+1202{n:07};+1303{n:07},SC-{n},a{n}@example.com,\
             A-{n},Köln,\"x, y\""
        );
    }
    text
}

#[test]
fn what_is_imported_into_redis_is_exported_the_same_and_imported_again() {
    let place = tempfile::tempdir().expect("a directory for the files");
    let file = |name: &str| place.path().join(name);
    let path = |name: &str| file(name).to_str().expect("it is UTF-8").to_owned();
    std::fs::write(file("in.csv"), many(1234)).expect("the file can be written");
    let (first, second) = (RedisServer::start(), RedisServer::start());
    let told = run(&["customers", "import", &path("in.csv"), "--redis", &first.url()]).with_code(0);
    assert!(
        told.out.contains("1234 of 1,234 customers stored") || told.out.contains("1234 of 1234"),
        "{}",
        told.out
    );
    run(&["customers", "export", &path("out.csv"), "--redis", &first.url()]).with_code(0);
    assert_eq!(sorted(&file("out.csv")), sorted(&file("in.csv")));
    let mode = std::fs::metadata(file("out.csv")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "customers are nobody else's business");

    run(&["customers", "import", &path("out.csv"), "--redis", &second.url()]).with_code(0);
    run(&["customers", "export", &path("again.csv"), "--redis", &second.url()]).with_code(0);
    assert_eq!(sorted(&file("again.csv")), sorted(&file("in.csv")));
    let left: Vec<_> = std::fs::read_dir(place.path()).expect("it is there").collect();
    assert_eq!(left.len(), 3, "nothing is left beside the files: {left:?}");
}

#[test]
fn faulty_lines_stay_out_of_redis_with_their_numbers_and_the_rest_goes_in() {
    let place = tempfile::tempdir().expect("a directory for the files");
    let file = place.path().join("in.csv");
    let text = "id,tier,phone,attr:standing\nC-1,gold,030 123456,\n,gold,,\nC-3,gold,anonymous,\n\
                C-4,silver,2001,at_risk\nC-5,silver,2002,farewell\n";
    std::fs::write(&file, text).expect("the file can be written");
    let file = file.to_str().expect("it is UTF-8");
    let server = RedisServer::start();
    let to = ["--redis", &server.url(), "--prefix", "crm", "--phone-region", "DE"];
    let told = run(&[&["customers", "import", file][..], &to].concat()).with_code(65);
    assert!(told.out.contains("2 of 5 customers stored, 3 lines refused"), "{}", told.out);
    let undecided = "line 6: attr:standing: \"farewell\" is decided by two people";
    assert!(told.err.contains(undecided), "{}", told.err);
    assert!(
        told.err.contains("line 3: id:") && told.err.contains("line 4: phone:"),
        "{}",
        told.err
    );
    for (key, id) in [("crm:ident:phone:+4930123456", "C-1"), ("crm:ident:phone:2001", "C-4")] {
        assert_eq!(server.command(&["GET", key]), format!("$3\r\n{id}\r\n"), "{key}");
    }
}

#[test]
fn farewells_go_into_redis_only_when_that_is_said() {
    let place = tempfile::tempdir().expect("a directory for the files");
    let file = |name: &str| place.path().join(name);
    let path = |name: &str| file(name).to_str().expect("it is UTF-8").to_owned();
    let text = "id,tier,attr:farewell_confirmed_by,attr:farewell_proposed_by,attr:standing\n\
                C-1,gold,lee,kim,farewell\nC-2,gold,,kim,\nC-3,gold,,,at_risk\n";
    std::fs::write(file("in.csv"), text).expect("the file can be written");
    let server = RedisServer::start();
    let url = server.url();
    let from = path("in.csv");
    let import = ["customers", "import", &from, "--redis", &url];
    let told = run(&import).with_code(65);
    assert!(told.out.contains("1 of 3 customers stored, 2 lines refused"), "{}", told.out);
    let lines =
        ["line 2: attr:standing: \"farewell\"", "line 3: attr:farewell_proposed_by: is not"];
    for line in lines {
        assert!(told.err.contains(line), "{}", told.err);
    }
    assert!(told.err.contains("--with-farewells"), "{}", told.err);
    run(&[&import[..], &["--with-farewells"]].concat()).with_code(0);
    let confirmed_by = ["HGET", "tierline:customer:C-1", "attr:farewell_confirmed_by"];
    assert_eq!(server.command(&confirmed_by), "$3\r\nlee\r\n");
    // What is there already may come in once more.
    run(&import).with_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farewell_is_exported_and_taken_over_by_another_server_when_that_is_said() {
    let place = tempfile::tempdir().expect("a directory for the files");
    let file = place.path().join("out.csv");
    let file = file.to_str().expect("it is UTF-8");
    let (floor, other) = (Floor::open().await, Floor::open().await);
    floor.run(&["customers", "put", "C-1", "--tier", "gold"]).with_code(0);
    floor.put_agent("ada");
    let farewell = ["customers", "farewell"];
    let propose = ["propose", "C-1", "--by", "kim", "--agent", "ada", "--date", "2199-03-31"];
    let why = ["--reason", "two talks"];
    floor.run(&[&farewell[..], &propose, &why].concat()).with_code(0);
    let told = floor.run(&[&farewell[..], &["confirm", "C-1", "--by", "lee"]].concat());
    assert!(told.with_code(0).err.contains("proposed: ada explains, by 2199-03-31"));
    floor.run(&["customers", "export", file]).with_code(0);
    let told = other.run(&["customers", "import", file]).with_code(65);
    assert!(told.err.contains("line 2: ") && told.err.contains("--with-farewells"), "{}", told.err);
    other.run(&["customers", "import", file, "--with-farewells"]).with_code(0);
    let get = ["customers", "get", "C-1"];
    assert_eq!(other.json(&get), floor.json(&get));
    let withdraw = [&farewell[..], &["withdraw", "C-1", "--by", "max"]].concat();
    let left = other.json(&withdraw)["attributes"].clone();
    assert_eq!(left, serde_json::json!({ "farewell_withdrawn_by": "max" }));
}

#[test]
fn what_a_file_cannot_hold_is_told_and_the_rest_is_exported() {
    let place = tempfile::tempdir().expect("a directory for the files");
    let file = place.path().join("out.csv");
    let server = RedisServer::start();
    server.command(&["HSET", "tierline:customer:C-1", "tier", "gold", "attr:city", "Bonn"]);
    server.command(&["HSET", "tierline:customer:C-2", "tier", "gold", "attr:city", ""]);
    server.command(&["SET", "tierline:customer:C-3", "no hash"]);
    let url = server.url();
    let export = ["customers", "export", file.to_str().expect("it is UTF-8"), "--redis", &url];
    let told = run(&export).with_code(65);
    assert!(told.out.contains("1 customer written, 1 customer left out"), "{}", told.out);
    assert!(told.err.contains("C-2: attr:city: is empty"), "{}", told.err);
    assert!(told.err.contains("1 key of the directory passed over"), "{}", told.err);
    let lines = sorted(&file);
    assert_eq!(lines, ["id,tier,name,phone,card,email,account,attr:city", "C-1,gold,,,,,,Bonn"]);
}

#[test]
fn a_redis_that_is_not_there_is_said() {
    let sample = shipped("config/customers.csv");
    let mut server = RedisServer::start();
    server.kill();
    let url = server.url();
    let import = ["--timeout", "1s", "customers", "import", &sample, "--redis", &url];
    let told = run(&import).with_code(69);
    assert!(told.err.contains("not connected"), "{}", told.err);
    run(&["customers", "import", &sample, "--redis", "http://x"]).with_code(64);
    run(&["customers", "import", &sample, "--redis", &url, "--phone-region", "xx"]).with_code(64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_holds_is_exported_and_imported_again() {
    let floor = Floor::open().await;
    let place = tempfile::tempdir().expect("a directory for the files");
    let file = |name: &str| place.path().join(name);
    let path = |name: &str| file(name).to_str().expect("it is UTF-8").to_owned();
    std::fs::write(file("in.csv"), many(555)).expect("the file can be written");
    floor.run(&["customers", "import", &path("in.csv")]).with_code(0);
    floor.run(&["customers", "export", &path("out.csv")]).with_code(0);
    assert_eq!(sorted(&file("out.csv")), sorted(&file("in.csv")));
    let other = Floor::open().await;
    other.run(&["customers", "import", &path("out.csv")]).with_code(0);
    let told = other.json(&["customers", "export", &path("again.csv")]);
    assert_eq!(told["customer_count"], 555);
    assert_eq!(sorted(&file("again.csv")), sorted(&file("in.csv")));
}
