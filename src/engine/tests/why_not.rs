//! What an agent would get, and why not: every condition, by the code that dispatches.

use super::script::{check, played};
use crate::engine::model::{AgentId, Time};

#[test]
fn every_condition_that_keeps_a_ticket_from_an_agent_is_told() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 4h desk+back; pool desk keep 2 gold; pool back
         agent ann desk
         agent bob back
         here ann
         here bob
         0s submit g1 gold voice
         0s submit s1 standard voice
         0s submit s2 standard voice
         0s why g1 ann -> gets it
         0s why g1 bob -> other pools
         0s why s1 ann -> desk keeps 2 of 1; g1 goes first by at-risk
         0s why s2 ann -> desk keeps 2 of 1; behind s1 and 0 more; g1 goes first by at-risk
         0s why s2 bob -> behind s1 and 0 more
         0s why s1 bob -> gets it
         0s away bob
         0s why s1 bob -> away
         0s pull ann -> g1 #1 at-risk
         0s why s2 ann -> full 1/1; desk keeps 2 of 1; behind s1 and 0 more
         0s why g1 bob -> with ann; away; other pools
         0s why g9 bob -> gone
         0s why s1 eve -> gone",
    );
}

#[test]
fn an_agent_is_told_what_would_come_and_why_nothing() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 4h desk; pool desk keep 1 gold; pool back
         agent ann desk
         agent bob back
         here ann
         here bob
         0s get? ann -> nothing
         0s submit s1 standard voice
         0s get? ann -> nothing; s1 held by desk
         0s get? bob -> nothing; standard/voice/desk: other pools
         0s submit g1 gold voice
         0s get? ann -> g1 by at-risk
         0s away ann
         0s get? ann -> nothing; away; s1 held by desk",
    );
}

#[test]
fn one_who_joins_others_frees_what_a_reserve_held_for_whoever_has_the_earlier_turn() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 4h desk; pool desk keep 1 gold
         agent ann desk
         agent bob desk
         here ann
         1s here bob
         1s submit s1 standard voice
         2s pull ann until=60s -> waits
         3s why s1 bob -> ann gets it
         3s get? bob -> nothing
         3s pull bob until=60s -> waits
         3s * ann gets s1 #1 earliest-deadline
         60s * bob waits no more: Nothing",
    );
}

#[test]
fn one_who_joins_others_is_served_after_them_at_the_same_instant() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 4h desk+back; pool desk keep 1 gold; pool back
         agent ann desk
         agent bob desk+back
         here ann
         1s here bob
         1s submit s1 standard voice
         1s submit s2 standard email
         2s pull ann until=60s -> waits
         2s agent? ann -> Available in desk, holds nothing, idle since 0s, waits
         3s get? bob -> nothing; s2 held by desk
         3s pull bob until=60s -> waits
         3s * ann gets s1 #1 earliest-deadline
         4s submit g1 gold voice
         4s * bob gets g1 #2 at-risk",
    );
}

#[test]
fn missing_skills_and_names_are_told_one_by_one() {
    check(
        "policy guarded-edf v1; skills french german trainee; tier gold 1h desk; pool desk; pool back
         agent ann desk can french=2+trainee
         agent bob back
         here ann
         here bob
         0s submit t1 gold voice require=french:3 require=german:5 exclude=trainee bar=ann
         0s why t1 ann -> french 2<3; german 0<5; not with trainee; barred
         0s why t1 bob -> other pools; french 0<3; german 0<5
         0s submit t2 gold voice only=bob
         0s why t2 ann -> only for bob
         0s why t2 bob -> gets it
         0s get? ann -> nothing; gold/voice/desk needing french=3 and german=5 and no trainee and not ann: french 2<3, german 0<5, not with trainee, barred; gold/voice/desk needing only bob: only for bob
         0s pull bob -> t2 #1 earliest-deadline",
    );
}

#[test]
fn what_competed_is_remembered_with_the_assignment_and_outlives_a_change_of_policy() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 4h desk+back; tier grey 60s desk; pool desk keep 1 gold; pool back
         agent ann desk
         here ann
         0s submit g1 gold voice
         1s submit s1 standard email
         2s submit s2 standard email
         3s submit x1 grey voice
         4s pull ann -> g1 #1 at-risk
         5s past g1 -> at-risk of 3: g1 11s risk, s1 14397s held by desk, x1 59s risk held by desk
         6s cancel x1 -> ended 4
         6s past g1 -> at-risk of 3: g1 11s risk, s1 14397s held by desk, x1 59s risk held by desk
         7s policy edf v2; tier standard 4h desk; tier gold 15s desk; pool desk
         7s past g1 -> at-risk of 3: g1 11s risk, s1 14397s held by desk",
    );
}

#[test]
fn nothing_is_remembered_where_there_was_no_choice() {
    check(
        "policy fifo v1; tier gold 15s desk; pool desk
         agent ann desk
         here ann
         0s submit t1 gold voice
         0s submit t2 gold voice
         0s pull ann -> t1 #1 fifo
         0s past t1 -> no choice",
    );
}

#[test]
fn the_work_of_an_explanation_grows_with_queues_and_crews_and_not_with_tickets_or_agents() {
    let excerpt_of = |ticket_count: usize, agent_count: usize| {
        let policy = "policy guarded-edf v1; tier gold 15s desk; tier standard 4h desk; tier grey 1h desk; pool desk keep 50 gold";
        let mut script = vec![policy.to_owned(), "0s agent ann desk".to_owned()];
        for number in 0..agent_count {
            script.push(format!("0s agent a{number} desk"));
            script.push(format!("0s here a{number}"));
            script.push(format!("0s pull a{number} until=60s"));
        }
        for number in 0..ticket_count {
            let tier = if number % 2 == 0 { "standard" } else { "grey" };
            script.push(format!("0s submit t{number} {tier} email"));
        }
        let engine = played(&script.join("\n"));
        let ann = engine.roster().get(&AgentId::new("ann")).expect("she is registered");
        let excerpt = engine.excerpt(ann, Time(0));
        (excerpt.ticket_count(), excerpt.roster().len())
    };
    // Of each of two queues two tickets, since she serves in one pool; of the one crew the first two
    // in each order of choice, and herself.
    assert_eq!(excerpt_of(20, 5), (4, 3));
    assert_eq!(excerpt_of(200, 40), (4, 3));
}
