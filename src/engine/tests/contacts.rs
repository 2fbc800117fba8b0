//! Repeat contacts: linked, counted, and a fault of the process from the threshold on.

use super::script::{check, played};
use crate::engine::contacts::{MARKS_MAX, RepeatScan};
use std::fmt::Write as _;

#[test]
fn contacts_of_one_customer_about_one_topic_are_linked_and_counted() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk
         agent ann desk
         here ann
         0s submit t1 gold voice topic=late
         0s contact t1 -> late 1
         1s submit t2 gold voice topic=late
         1s contact t2 -> late 2 after t1
         1s pull ann -> t1 #1 at-risk
         1s complete t1 #1 -> ended 1
         1s cancel t2 -> ended 2
         2s submit t3 gold chat topic=late
         2s contact t3 -> late 3 after t2
         2s submit t4 gold voice topic=broken
         2s contact t4 -> broken 1
         2s submit t5 gold voice
         2s contact t5 -> none
         2s repeats -> late: 2 of 1, most 3, 0 above, 1 open, 0s to 2s
         3s submit t3 gold chat topic=late -> again t3
         3s repeats -> late: 2 of 1, most 3, 0 above, 1 open, 0s to 2s",
    );
}

#[test]
fn a_contact_outside_the_window_counts_no_longer() {
    check(
        "policy guarded-edf v1; tier gold 9d desk; pool desk; repeats window 1m
         0s submit t1 gold voice topic=late
         50s submit t2 gold voice topic=late
         50s contact t2 -> late 2 after t1
         60s submit t3 gold voice topic=late
         60s contact t3 -> late 2 after t2
         120s repeats -> none
         200s submit t4 gold voice topic=late
         200s contact t4 -> late 1",
    );
}

#[test]
fn from_the_threshold_on_a_ticket_is_for_the_process_pool_alone_and_its_clocks_stay() {
    check(
        "policy guarded-edf v1; tier gold 100s desk then 40s desk+backup; pool desk; pool backup; pool process;
         repeats from 3 pool process
         0s submit t1 gold voice found topic=late
         0s submit t2 gold voice found topic=late
         0s submit t3 gold voice found topic=late
         0s see t3 -> waiting, gold (found), in process, due 100s, of c1
         40s * t1 opens to desk+backup
         40s * t2 opens to desk+backup
         41s retier t3 gold found
         41s see t3 -> waiting, gold (found), in process, due 100s, of c1
         42s policy guarded-edf v2; tier gold 100s desk; pool desk; pool process
         42s see t3 -> waiting, gold (found), in process, due 100s, of c1
         43s policy guarded-edf v3; tier gold 100s desk; pool desk
         43s see t3 -> waiting, gold (found), in desk, due 100s, of c1",
    );
}

#[test]
fn whoever_turns_out_to_be_a_known_customer_keeps_the_contacts_of_before() {
    check(
        "policy guarded-edf v1; tier gold 9d desk; pool desk
         0s submit t1 gold voice found topic=late
         1s submit t2 gold voice unavailable topic=late
         1s contact t2 -> late 1
         2s retier t2 gold found
         3s submit t3 gold voice found topic=late
         3s contact t3 -> late 3 after t2
         3s repeats -> late: 2 of 1, most 3, 0 above, 3 open, 0s to 3s",
    );
}

#[test]
fn of_many_contacts_the_last_sixteen_are_counted() {
    let mut script = "policy guarded-edf v1; tier gold 9d desk; pool desk\n".to_owned();
    for at in 1..=20 {
        writeln!(script, "{at}s submit t{at} gold voice topic=late").expect("a string takes it");
    }
    let engine = played(&script);
    let mut scan = RepeatScan::default();
    engine.scan_repeats(&mut scan, engine.at(), 10);
    let topic = scan.topics.values().next().expect("there are repeats");
    assert_eq!(topic.most_count as usize, MARKS_MAX);
    assert_eq!(topic.repeat_count, MARKS_MAX as u64 - 1);
    let last = engine.ticket(&crate::engine::model::TicketId::new("t20")).expect("it waits");
    assert_eq!(last.contact().expect("it has a topic").count as usize, MARKS_MAX);
}
