//! The same day, played in process and against a real server over gRPC, comes out the same.

use std::process::{Command, Stdio};

/// How many times as fast as the clock the server runs: a day of calls in two minutes.
const SPEED: &str = "500";
/// By how many points the shares in time may differ.
const POINTS: f64 = 2.0;

/// The share in time of each tier, in percent, as the command prints it.
fn in_time(how: &[&str]) -> Vec<f64> {
    let day = ["--generate", "1", "--seed", "5", "--policy", "config/bank.toml", "--agents", "7"];
    let told = Command::new(env!("CARGO_BIN_EXE_tierline"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["rehearse", "--output", "json"])
        .args(day)
        .args(how)
        .stdin(Stdio::null())
        .output()
        .expect("the binary was built");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("it prints JSON");
    assert!(told["calls"].as_u64().expect("a count") > 500, "a day has calls");
    let tiers = told["mean"]["tiers"].as_array().expect("a list").iter();
    tiers.map(|tier| tier["in_deadline_percent"].as_f64().expect("a share")).collect()
}

#[test]
fn a_day_in_process_and_the_same_day_over_grpc_agree_within_two_points() {
    let engine = in_time(&["--in-process"]);
    let server = in_time(&["--speed", SPEED]);
    assert_eq!(engine.len(), 2);
    for (tier, (engine, server)) in engine.iter().zip(&server).enumerate() {
        assert!(
            (engine - server).abs() <= POINTS,
            "tier {tier}: {engine:.1} % in time in process, {server:.1} % over gRPC"
        );
    }
}
