//! `tierline customers classify` and `tierline policy code` as people use them: a report, a file, a
//! picture, a server's directory, and the reasons for a tier.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/floor.rs"]
mod floor;
#[path = "support/running.rs"]
mod running;

use floor::{Floor, run, shipped};
use std::fmt::Write as _;
use std::path::Path;

const CLASSES: &str = "gold=20,silver=30,standard=50";

fn classify(file: &str, more: &[&str]) -> floor::Done {
    let mut arguments = vec!["customers", "classify", file];
    arguments.extend(more);
    run(&arguments)
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_dry_run_tells_what_each_class_brings_and_who_moves_and_changes_nothing() {
    let file = shipped("config/customers.csv");
    let before = std::fs::read(&file).unwrap();
    let done = classify(&file, &["--classes", CLASSES]).with_code(0);
    assert!(done.out.contains("30 customers classified"), "{}", done.out);
    assert!(done.out.contains("gold           6    6  20.0   311150  80.2"), "{}", done.out);
    assert!(done.out.contains("nobody moves"), "{}", done.out);
    let moved = classify(&file, &["--classes", "gold=10,silver=40,standard=50"]).with_code(0);
    assert!(moved.out.contains("C-1003    gold  silver   35750"), "{}", moved.out);
    assert!(moved.out.contains("nothing is changed"), "{}", moved.out);
    assert!(done.out.lines().all(|line| line.chars().count() <= 80), "{}", done.out);
    assert!(done.err.contains("no column attr:cost: every cost is taken for 0"), "{}", done.err);
    assert_eq!(std::fs::read(&file).unwrap(), before);

    let json = ["--output", "json", "customers", "classify", &file, "--classes", CLASSES];
    let json = run(&json).with_code(0).json();
    assert_eq!(json["customer_count"], 30);
    assert_eq!(json["without_cost_count"], 30);
    assert_eq!(json["classes"][0]["customer_count"], 6);
    // The shipped tiers are these shares of revenue.
    let counts = |key: &str| -> Vec<u64> {
        json["classes"].as_array().unwrap().iter().map(|c| c[key].as_u64().unwrap()).collect()
    };
    assert_eq!(
        (counts("before_count"), counts("customer_count")),
        (vec![6, 9, 15], vec![6, 9, 15])
    );
    assert_eq!(json["curve"].as_array().unwrap().len(), 31);
}

#[test]
fn the_classes_are_written_into_the_file_and_every_other_column_goes_through() {
    let folder = tempfile::tempdir().unwrap();
    let book = write(
        folder.path(),
        "book.csv",
        "id,name,rev,tier,costs\n\
         C-1,\"Okonkwo & Daughters, Ltd.\",100,silver,99.5\n\
         C-2,Ada,90.25,,\n\
         C-3,Bo,lots,gold,\n\
         C-4,Cy,,gold,\n\
         C-2,Ada again,1,,\n\
         C-5,Di,1,gold\n\
         C-6,Ed,-5,gold,1\n",
    );
    let out = folder.path().join("out.csv").display().to_string();
    let svg = folder.path().join("out.svg").display().to_string();
    let columns =
        ["--thresholds", "gold=50,silver=0,standard", "--revenue", "rev", "--cost", "costs"];
    let mut more = columns.to_vec();
    more.extend(["--out", &out, "--svg", &svg]);
    let done = classify(&book, &more).with_code(65);
    assert_eq!(
        std::fs::read_to_string(&out).unwrap(),
        "id,name,rev,tier,costs\n\
         C-1,\"Okonkwo & Daughters, Ltd.\",100,silver,99.5\n\
         C-2,Ada,90.25,gold,\n\
         C-3,Bo,lots,gold,\n\
         C-4,Cy,,gold,\n\
         C-2,Ada again,1,,\n\
         C-5,Di,1,gold\n\
         C-6,Ed,-5,standard,1\n"
    );
    let faults: Vec<_> = done.err.lines().collect();
    assert_eq!(
        faults[0],
        "line 4: rev: \"lots\" is not a number of at most 12 digits with at most 3 places after the point"
    );
    assert_eq!(faults[1], "line 5: rev: is empty");
    assert_eq!(faults[2], "line 6: id: is there twice, first in line 3");
    assert_eq!(faults[3], "line 7: has 4 cells where the first row has 5");
    assert_eq!(faults[4], "2 without costs: taken for 0");
    let picture = std::fs::read_to_string(&svg).unwrap();
    assert!(picture.starts_with("<?xml") && picture.ends_with("</svg>\n"), "{picture}");
    // What came out goes in again: all but the faulty lines are as they should be.
    let again = classify(&out, &columns).with_code(65);
    assert!(again.out.contains("nobody moves"), "{}", again.out);
    // A file without tiers gets them.
    let bare = write(folder.path(), "bare.csv", "id,attr:revenue\nC-1,3\nC-2,4\n");
    classify(&bare, &["--classes", "A=50,B=50", "--out", &out]).with_code(0);
    let written = std::fs::read_to_string(&out).unwrap();
    assert_eq!(written, "id,attr:revenue,tier\nC-1,3,B\nC-2,4,A\n");
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = shipped("config/customers.csv");
    let out = folder.path().join("out.csv").display().to_string();
    let told = |more: &[&str], code| {
        let mut arguments = vec!["--out", &out];
        arguments.extend(more);
        let done = classify(&file, &arguments).with_code(code);
        assert!(!Path::new(&out).exists());
        done.err
    };
    assert!(told(&[], 64).contains("--classes"));
    assert!(told(&["--classes", "A=20"], 64).contains("--classes: \"A=20\" has shares"));
    assert!(told(&["--thresholds", "A=5"], 64).contains("--thresholds: \"A=5\" is the last"));
    assert!(told(&["--classes", "A=100", "--thresholds", "A"], 64).contains("cannot be used"));
    let band = ["--classes", "A=100", "--hysteresis", "60%"];
    assert!(told(&band, 64).contains("--hysteresis: \"60%\" is not between 0% and 50%"));
    let column = ["--classes", "A=100", "--revenue", "attr:turnover"];
    assert!(told(&column, 65).contains("column attr:turnover: is missing"));
    classify("no such file", &["--classes", "A=100"]).with_code(66);
    let away = ["--server", "http://127.0.0.1:1", "customers", "classify", &file];
    let away: Vec<_> = away.into_iter().chain(["--classes", CLASSES, "--apply"]).collect();
    run(&away).with_code(69);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tiers_of_who_moves_are_stored_in_the_directory_and_nothing_else_of_them() {
    let floor = Floor::open().await;
    floor.run(&["customers", "import", &shipped("config/customers.csv")]).with_code(0);
    let book = floor.file(
        "book.csv",
        "id,tier,attr:revenue\nC-1001,gold,10\nC-1002,gold,500\nC-1016,standard,900\nX-1,silver,1\n",
    );
    let apply = ["customers", "classify", &book, "--classes", "gold=50,standard=50", "--apply"];
    let told = floor.run(&apply).with_code(0).out;
    assert!(told.contains("2 stored, 0 had the tier already, 1 not known there"), "{told}");
    let customer = floor.json(&["customers", "get", "--phone", "+1 202 555 0101"]);
    assert_eq!(
        (&customer["customer_id"], &customer["tier"]),
        (&"C-1001".into(), &"standard".into())
    );
    assert_eq!(customer["attributes"]["revenue"], "48200");
    assert_eq!(floor.json(&["customers", "get", "C-1016"])["tier"], "gold");
    let json = floor.json(&apply);
    assert_eq!(json["stored"]["unchanged_count"], 2, "the book is as it was, the directory is not");
}

/// With `TIERLINE_CUSTOMERS=1000000` the measure of docs: run it with `--nocapture` and an optimised build.
#[test]
fn a_large_book_is_classified_in_seconds() {
    let count: u64 = std::env::var("TIERLINE_CUSTOMERS")
        .map_or(20_000, |count| count.parse().expect("TIERLINE_CUSTOMERS is a number"));
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("id,tier,name,phone,attr:city,attr:revenue,attr:cost\n");
    let mut seed = 1_u64;
    for at in 0..count {
        // A linear congruence (Knuth's MMIX): spread, and the same every time.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (rank, cents) = (1 + (seed >> 33) % count, (seed >> 20) % 100);
        let tier = ["gold", "silver", "standard"][(seed >> 40) as usize % 3];
        let revenue = 50_000_000 / rank;
        let _ = writeln!(
            text,
            "C-{at:07},{tier},Customer {at},+1 555 {at:07},City {rank},{revenue}.{cents:02},{}",
            cents * 10
        );
    }
    let book = write(folder.path(), "book.csv", &text);
    let out = folder.path().join("out.csv").display().to_string();
    #[expect(clippy::disallowed_methods, reason = "a measure of the real time that it takes")]
    let started = std::time::Instant::now();
    let done = classify(&book, &["--classes", CLASSES, "--hysteresis", "5%", "--out", &out]);
    let took = started.elapsed();
    let done = done.with_code(0);
    println!("{count} customers: {took:?}\n{}", done.out);
    assert!(done.out.contains(&format!("{count} customers classified")), "{}", done.out);
    let lines = std::fs::read_to_string(&out).unwrap().lines().count() as u64;
    assert_eq!(lines, count + 1);
    assert!(took.as_secs() < 60, "{took:?}");
}

#[test]
fn a_policy_codes_a_customer_by_attributes_and_says_why() {
    let schwab = shipped("config/schwab.toml");
    let code = |more: &[&str]| {
        let mut arguments = vec!["policy", "code", &schwab];
        arguments.extend(more);
        run(&arguments)
    };
    let rich = code(&["--attribute", "assets=250000"]).with_code(0).out;
    assert!(rich.contains("preferred") && rich.contains("assets 250000 >= 100000"), "{rich}");
    let other = code(&["--attribute", "assets=99999.99"]).with_code(0).out;
    assert!(other.contains("standard") && other.contains("no rule holds"), "{other}");
    let stored = code(&["--tier", "preferred"]).with_code(0).out;
    assert!(stored.contains("stored with the customer"), "{stored}");
    assert!(code(&["--on", "tomorrow"]).with_code(64).err.contains("2026-11-22"));

    let sears = shipped("config/sears.toml");
    for (spend, tier) in [("5000", "big-spender"), ("4999.99", "regular"), ("1", "occasional")] {
        let spend = format!("annual_spend={spend}");
        let code = ["--output", "json", "policy", "code", &sears, "--attribute", &spend];
        assert_eq!(run(&code).with_code(0).json()["tier"], tier);
    }
}

#[test]
fn a_policy_codes_a_file_of_customers() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "customers.csv",
        "id,tier,attr:margin,attr:since,attr:first_order,attr:predicted_revenue,attr:standing\n\
         C-1,gold,,,,,\n\
         C-2,,2000,2019,,,\n\
         C-3,,,,2026-11-20,700,\n\
         C-4,,,,2026-08-01,700,farewell\n\
         ,gold,,,,,\n\
         C-6,mithril,,,,,\n",
    );
    let default = shipped("config/default.toml");
    let code = ["--output", "json", "policy", "code", &default, &file, "--on", "2026-11-22"];
    let json = run(&code).with_code(65).json();
    let told: Vec<String> = json["customers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_owned();
            let sure = if one["is_provisional"].as_bool().unwrap() { "?" } else { "" };
            [text("customer_id"), text("tier") + sure, text("standing"), text("because")]
                .join(" | ")
        })
        .collect();
    assert_eq!(
        told,
        [
            "C-1 | gold | regular | stored with the customer",
            "C-2 | silver | regular | margin 2000 >= 1000, since 2019 older than 365d",
            "C-3 | silver? | new | predicted_margin 700 >= 500",
            "C-4 | standard | regular | no rule holds",
            "C-6 | standard | regular | \"mithril\" is not in the policy: that of unknown customers",
        ]
    );
    assert_eq!(json["tiers"]["standard"], 2);
    assert!(json["faults"][0].as_str().unwrap().starts_with("line 6"), "{json}");
    let table = run(&["policy", "code", &default, &file, "--limit", "2"]).with_code(65).out;
    assert!(table.contains("and 3 more\n5 customers: "), "{table}");
}
