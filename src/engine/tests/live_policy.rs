//! Changing the policy while the server runs, and what it refuses.

use super::script::check;

const OLD: &str =
    "policy guarded-edf v1; tier gold 1h desk; tier standard 4h back; pool desk; pool back
                   agent ann desk
                   agent bob back
                   0s submit g1 gold email
                   1s submit s1 standard email";

fn check_old(script: &str) {
    check(&format!("{OLD}\n{script}"));
}

#[test]
fn a_change_puts_everything_that_waits_into_its_new_queue() {
    check_old(
        "2s queues -> gold/email/desk: g1 (0 late); standard/email/back: s1 (0 late)
         2s change guarded-edf v2; tier gold 1h back; tier standard 4h desk; pool back; pool desk
         2s queues -> gold/email/back: g1 (0 late); standard/email/desk: s1 (0 late)",
    );
}

#[test]
fn a_change_that_drops_a_tier_with_tickets_is_refused() {
    check_old(
        "2s change guarded-edf v2; tier gold 1h desk; pool desk; pool back -> PolicyStrands { count: 1 }
         2s cancel s1 -> ended 2
         2s change guarded-edf v2; tier gold 1h desk; pool desk; pool back",
    );
}

#[test]
fn a_change_that_leaves_tickets_to_pools_with_nobody_in_them_is_refused() {
    check_old(
        "2s change guarded-edf v2; tier gold 1h new; tier standard 4h back; pool new; pool back -> PolicyStrands { count: 1 }
         2s change guarded-edf v2; tier gold 1h new then 5m back; tier standard 4h back; pool new; pool back",
    );
}

#[test]
fn tickets_whom_nobody_served_before_are_not_stranded_by_a_change() {
    check_old(
        "2s delete ann
         2s change guarded-edf v2; tier gold 1h new; tier standard 4h back; pool new; pool back",
    );
}
