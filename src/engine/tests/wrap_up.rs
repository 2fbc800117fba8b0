//! After the work: a completed ticket that its agent still writes up.

use super::script::{check, played};
use crate::engine::Audit;

const DESK: &str = "policy guarded-edf v1; tier gold 60s desk; tier standard 180s desk; pool desk;
                    channel voice wrap 30s
                    agent ann desk
                    here ann";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_completed_call_keeps_its_agent_until_the_agent_has_written_it_up() {
    check_desk(
        "0s submit t1 gold voice
         0s submit t2 gold voice
         1s pull ann -> t1 #1 at-risk
         11s complete t1 #1 -> ended 1
         11s see t1 -> gone
         11s legs t1 -> queue 1s, agent 10s
         12s agent? ann -> Available in desk, holds nothing, idle since 11s, writes up t1 until 41s
         12s pull ann -> nothing
         20s finish ann t1 #1
         20s legs t1 -> queue 1s, agent 10s, wrap_up 9s
         20s agent? ann -> Available in desk, holds nothing, idle since 20s
         20s pull ann -> t2 #2 at-risk",
    );
}

#[test]
fn a_wrap_up_ends_by_itself_when_its_time_is_up() {
    check_desk(
        "0s submit t1 gold voice
         0s submit t2 gold voice
         1s pull ann -> t1 #1 at-risk
         11s complete t1 #1 -> ended 1
         41s * ann's wrap-up of t1 ends: Limit
         41s pull ann -> t2 #2 at-risk
         42s finish ann t1 #1",
    );
}

#[test]
fn a_pull_waits_for_the_end_of_a_wrap_up() {
    check_desk(
        "0s submit t1 gold voice
         0s submit t2 gold voice
         1s pull ann -> t1 #1 at-risk
         11s complete t1 #1 -> ended 1
         11s pull ann until=100s -> waits
         20s finish ann t1 #1
         20s * ann gets t2 #2 at-risk",
    );
}

#[test]
fn a_pull_whose_time_is_up_before_the_wrap_up_gets_nothing() {
    check_desk(
        "0s submit t1 gold voice
         0s submit t2 gold voice
         1s pull ann -> t1 #1 at-risk
         11s complete t1 #1 -> ended 1
         11s pull ann until=30s -> waits
         30s * ann waits no more: Nothing
         41s * ann's wrap-up of t1 ends: Limit",
    );
}

#[test]
fn while_one_writes_up_another_who_waits_is_served_first() {
    check_desk(
        "agent bob desk
         here bob
         0s submit t1 gold voice
         1s pull ann -> t1 #1 at-risk
         2s complete t1 #1 -> ended 1
         3s pull ann until=100s -> waits
         4s pull bob until=100s -> waits
         5s submit t2 gold voice
         5s * bob gets t2 #2 at-risk
         6s submit t3 gold voice
         32s * ann's wrap-up of t1 ends: Limit
         32s * ann gets t3 #3 at-risk",
    );
}

#[test]
fn who_has_units_to_spare_goes_on_beside_a_wrap_up() {
    check_desk(
        "agent ann desk capacity 2
         0s submit t1 gold voice
         0s submit t2 gold voice
         0s submit t3 gold voice
         1s pull ann -> t1 #1 at-risk
         2s complete t1 #1 -> ended 1
         2s pull ann -> t2 #2 at-risk
         3s pull ann until=100s -> waits
         4s complete t2 #2 -> ended 2
         4s agent? ann -> Available in desk, holds nothing, idle since 4s, waits, writes up t1 until 32s, writes up t2 until 34s
         5s finish ann t2 #2
         5s * ann gets t3 #3 at-risk
         32s * ann's wrap-up of t1 ends: Limit",
    );
}

#[test]
fn who_is_full_with_tickets_gets_the_last_again_whatever_is_written_up() {
    check_desk(
        "agent ann desk capacity 2
         0s submit t1 gold voice
         0s submit t2 gold email
         1s pull ann -> t1 #1 at-risk
         1s pull ann -> t2 #2 at-risk
         2s pull ann -> again t2 #2 at-risk
         3s complete t1 #1 -> ended 1
         3s pull ann until=10s -> waits
         4s agent ann desk capacity 1
         4s * ann waits no more: Nothing
         4s pull ann -> again t2 #2 at-risk
         33s * ann's wrap-up of t1 ends: Limit",
    );
}

#[test]
fn a_channel_without_wrap_up_frees_its_agent_at_once() {
    check_desk(
        "0s submit t1 gold email
         0s submit t2 gold email
         1s pull ann -> t1 #1 at-risk
         11s complete t1 #1 -> ended 1
         11s pull ann -> t2 #2 at-risk
         12s finish ann t1 #1
         12s finish ann t2 #2 -> TicketNotCompleted",
    );
}

#[test]
fn only_who_completed_the_ticket_ends_its_wrap_up() {
    check_desk(
        "agent bob desk
         0s submit t1 gold voice
         1s pull ann -> t1 #1 at-risk
         1s submit t2 gold voice
         2s complete t1 #1 -> ended 1
         3s finish bob t1 #1 -> TokenUnknown
         3s finish joe t1 #1 -> AgentNotFound
         3s finish ann t1 #2 -> TicketCompleted
         3s finish ann t2 #1 -> TokenUnknown
         3s finish ann t9 #1 -> TicketNotFound
         4s cancel t2 -> ended 2
         4s finish ann t2 #1 -> TicketCancelled
         5s finish ann t1 #1
         5s finish ann t1 #1
         6s complete t1 #1 -> ended 1",
    );
}

#[test]
fn a_completion_repeated_while_it_is_written_up_changes_nothing() {
    check_desk(
        "0s submit t1 gold voice
         1s pull ann -> t1 #1 at-risk
         2s complete t1 #1 -> ended 1
         3s complete t1 #1 -> ended 1
         3s complete t1 #2 -> TicketCompleted
         32s * ann's wrap-up of t1 ends: Limit",
    );
}

#[test]
fn the_pool_learns_how_long_an_agent_was_taken_up_with_the_wrap_up_in_it() {
    check_desk(
        "0s submit t1 gold voice
         1s pull ann -> t1 #1 at-risk
         11s complete t1 #1 -> ended 1
         12s pool? desk -> 0 handled, 300s each
         31s finish ann t1 #1
         31s pool? desk -> 1 handled, 300s each",
    );
    let engine = played(&format!(
        "{DESK}\n0s submit t1 gold voice\n1s pull ann\n11s complete t1 #1\n31s finish ann t1 #1"
    ));
    let pool = engine.policy().pool_named("desk").expect("it is the policy's");
    assert_eq!(engine.record(pool).mean_handle_us, 30_000_000);
}

#[test]
fn whose_hands_are_full_of_writing_is_a_hand_at_work_and_not_a_free_one() {
    let on_duty = |script: &str| {
        let engine = played(&format!("{DESK}\n{script}"));
        let pool = engine.policy().pool_named("desk").expect("it is the policy's");
        engine.roster().duty(crate::engine::model::PoolSet::of([pool]))
    };
    let writing =
        on_duty("0s submit t1 gold voice\n1s pull ann\n2s complete t1 #1\n3s pull ann until=9s");
    assert_eq!((writing.held_count, writing.waiting_count), (1, 0));
    let free = on_duty(
        "0s submit t1 gold voice\n1s pull ann\n2s complete t1 #1\n3s finish ann t1 #1\n3s pull ann until=9s",
    );
    assert_eq!((free.held_count, free.waiting_count), (0, 1));
}

#[test]
fn an_agent_on_a_stream_is_offered_nothing_before_the_wrap_up_is_over() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s accept t1 #1 -> t1 #1 at-risk
         2s submit t2 gold voice
         3s complete t1 #1 -> ended 1
         9s finish ann t1 #1
         9s * ann is offered t2 #2 at-risk
         10s accept t2 #2 -> t2 #2 at-risk",
    );
}

#[test]
fn going_away_does_not_shorten_a_wrap_up_and_a_restart_forgets_none() {
    check_desk(
        "0s submit t1 gold voice
         1s pull ann -> t1 #1 at-risk
         2s complete t1 #1 -> ended 1
         3s away ann
         4s start
         5s agent? ann -> Away in desk, holds nothing, idle since 2s, writes up t1 until 32s
         32s * ann's wrap-up of t1 ends: Limit",
    );
}

#[test]
fn who_is_forgotten_writes_nothing_up_any_more() {
    check_desk(
        "0s submit t1 gold voice
         1s pull ann -> t1 #1 at-risk
         2s complete t1 #1 -> ended 1
         3s delete ann
         3s * ann's wrap-up of t1 ends: AgentDeleted
         3s next -> never",
    );
}

#[test]
fn another_policy_leaves_a_wrap_up_that_has_begun_as_it_is() {
    check_desk(
        "0s submit t1 gold voice
         0s submit t2 standard voice
         1s pull ann -> t1 #1 at-risk
         2s complete t1 #1 -> ended 1
         3s policy guarded-edf v2; tier standard 180s desk; pool new; pool desk
         3s agent? ann -> Available in desk, holds nothing, idle since 2s, writes up t1 until 32s
         3s pull ann -> nothing
         12s finish ann t1 #1
         12s pool? desk -> 1 handled, 300s each
         12s pull ann -> t2 #2 at-risk
         13s complete t2 #2 -> ended 2
         13s next -> never",
    );
}

#[test]
fn a_wrap_up_repeated_long_after_is_answered_from_what_the_history_knows() {
    check_desk(
        "0s submit t1 gold voice
         1s pull ann -> t1 #1 at-risk
         2s complete t1 #1 -> ended 1
         3s finish ann t1 #1
         4s policy guarded-edf v2; tier gold 60s desk; pool desk
         5s finish ann t1 #1 -> TicketNotFound
         5s finish ann t1 #1 earlier 1 #1
         5s finish ann t1 #2 earlier 1 #1 -> TicketCompleted",
    );
}

#[test]
fn an_audit_in_steps_finds_wrap_ups_and_resting_tickets_in_order() {
    let engine = played(&format!(
        "{DESK}\n0s submit t1 gold voice\n0s submit t2 gold email at=100s\n1s pull ann\n2s complete t1 #1"
    ));
    let mut audit = Audit::default();
    while !audit.is_over() {
        assert_eq!(engine.audit_step(&mut audit, 16), []);
    }
    assert_eq!(audit.agent_count, 1);
}
