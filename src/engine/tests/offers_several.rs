//! Offers to several agents at once: who is offered what, who has it, and what becomes of the others.

use super::script::{check, played};
use crate::engine::Audit;
use crate::engine::command::Event;
use crate::engine::model::{AgentId, Channel, TicketId, Time};
use crate::engine::quarantine::Flaw;

/// Three agents on streams, of whom two are offered a ticket at once.
const DESK: &str = "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk;
    pool desk offer 20s to 2 off 10s 25s misses 2
    agent ann desk
    agent bob desk
    agent cid desk
    0s work ann
    0s work bob
    0s work cid";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn the_first_who_accepts_has_the_ticket_and_the_others_are_free_again() {
    check_desk(
        "1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         1s see t1 -> offered to ann+bob until 21s, gold, in desk, due 16s
         1s agent? bob -> Available in desk, holds t1, idle since 0s, streams, offered t1
         2s complete t1 #2 -> OfferNotAccepted
         3s accept t1 #2 -> t1 #2 at-risk
         3s * offer #1 of t1 is taken back: TakenByAnother
         3s see t1 -> with bob of desk until 903s, gold, in desk, due 16s, picked up 3s
         3s agent? ann -> Available in desk, holds nothing, idle since 0s, streams
         4s accept t1 #1 -> OfferEnded
         4s decline t1 #1 -> OfferEnded
         4s accept t1 #2 -> again t1 #2 at-risk
         5s legs t1 -> queue 0s, offer 2s, agent 2s
         6s complete t1 #2 -> ended 1
         6s agent? bob -> Available in desk, holds nothing, idle since 6s, streams
         7s submit t2 gold voice
         7s * ann is offered t2 #3 at-risk
         7s * cid is offered t2 too #4 at-risk",
    );
}

#[test]
fn a_pool_offers_to_one_agent_unless_it_says_otherwise() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk
         agent ann desk
         agent bob desk
         0s work ann
         0s work bob
         1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s accept t1 #1 -> t1 #1 at-risk",
    );
}

#[test]
fn who_declines_leaves_it_to_the_others_and_it_waits_in_its_place_when_none_is_left() {
    check_desk(
        "1s away cid
         1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         2s submit t2 gold voice
         3s decline t1 #1
         3s * ann is offered t2 #3 at-risk
         3s see t1 -> offered to bob until 21s, gold, in desk, due 16s
         4s decline t1 #1 -> OfferEnded
         5s decline t1 #2
         5s queues -> gold/voice/desk: t1 (0 late)
         6s here cid
         6s * cid is offered t1 #4 at-risk
         7s accept t1 #4 -> t1 #4 at-risk",
    );
}

#[test]
fn an_offer_beside_the_first_is_declined_alone() {
    check_desk(
        "1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         2s decline t1 #2
         2s see t1 -> offered to ann until 21s, gold, in desk, due 16s
         2s agent? bob -> Available in desk, holds nothing, idle since 0s, streams, declined t1 x1 until 12s
         3s accept t1 #1 -> t1 #1 at-risk
         12s * bob may be offered t1 again",
    );
}

#[test]
fn offers_that_nobody_answers_are_missed_by_each_before_the_ticket_is_offered_again() {
    check_desk(
        "1s submit t1 standard voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         21s * offer #1 of t1 is missed
         21s * offer #2 of t1 is missed
         21s * cid is offered t1 #3 at-risk
         21s agent? ann -> Available in desk, holds nothing, idle since 0s, streams, declined t1 x1 until 31s, missed 1
         22s accept t1 #3 -> t1 #3 at-risk
         31s * ann may be offered t1 again
         31s * bob may be offered t1 again",
    );
}

#[test]
fn an_offer_that_another_took_is_not_missed() {
    check_desk(
        "1s submit t1 standard voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         21s * offer #1 of t1 is missed
         21s * offer #2 of t1 is missed
         21s * cid is offered t1 #3 at-risk
         22s accept t1 #3 -> t1 #3 at-risk
         23s submit t2 standard voice
         23s * ann is offered t2 #4 at-risk
         23s * bob is offered t2 too #5 at-risk
         31s * ann may be offered t1 again
         31s * bob may be offered t1 again
         42s accept t2 #4 -> t2 #4 at-risk
         42s * offer #5 of t2 is taken back: TakenByAnother
         42s agent? bob -> Available in desk, holds nothing, idle since 0s, streams, declined t1 x1, missed 1",
    );
}

#[test]
fn a_closed_stream_and_an_agent_gone_away_leave_it_to_the_others() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk offer 20s to 8
         agent ann desk
         agent bob desk
         agent cid desk
         agent dee desk
         0s work ann
         0s work bob
         0s work cid
         0s work dee
         1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         1s * cid is offered t1 too #3 at-risk
         1s * dee is offered t1 too #4 at-risk
         2s leave ann
         2s * ann's stream closes: ByAgent
         2s * offer #1 of t1 is taken back: StreamClosed
         3s away cid
         3s * offer #3 of t1 is taken back: Away
         4s delete bob
         4s * offer #2 of t1 is taken back: AgentDeleted
         4s * bob's stream closes: AgentDeleted
         4s see t1 -> offered to dee until 21s, gold, in desk, due 16s
         5s start
         5s * offer #4 of t1 is taken back: StreamClosed
         5s queues -> gold/voice/desk: t1 (0 late)",
    );
}

#[test]
fn who_pulls_gets_a_ticket_alone_and_is_offered_none_beside_others() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk offer 20s to 3
         agent ann desk
         agent bob desk
         agent cid desk
         0s work ann
         0s here bob
         0s pull bob until=1h -> waits
         1s work cid
         2s submit t1 gold voice
         2s * ann is offered t1 #1 at-risk
         2s * cid is offered t1 too #2 at-risk
         3s submit t2 gold voice
         3s * bob gets t2 #3 at-risk",
    );
}

#[test]
fn others_are_chosen_in_the_order_of_choice_of_the_pool() {
    check(
        "policy guarded-edf v1; tier gold 1h desk; pool desk offer 20s to 3 choice longest-idle
         agent ann desk capacity 9
         agent bob desk
         agent cid desk
         agent dee desk
         0s work cid
         1s work bob
         2s work dee
         3s work ann
         4s submit t1 gold voice
         4s * cid is offered t1 #1 earliest-deadline
         4s * bob is offered t1 too #2 earliest-deadline
         4s * dee is offered t1 too #3 earliest-deadline",
    );
    check(
        "policy guarded-edf v1; skills french; tier gold 1h desk; pool desk offer 20s to 3 choice best-level
         agent ann desk can french=2
         agent bob desk can french=3
         agent cid desk can french=9
         agent dee desk
         0s work ann
         0s work bob
         0s work cid
         0s work dee
         4s submit t1 gold voice require=french
         4s * cid is offered t1 #1 earliest-deadline
         4s * bob is offered t1 too #2 earliest-deadline
         4s * ann is offered t1 too #3 earliest-deadline",
    );
}

#[test]
fn only_those_are_offered_it_too_who_would_be_given_the_same_ticket() {
    check(
        "policy guarded-edf v1; skills french; tier gold 15s desk; tier standard 1h desk;
         pool desk offer 20s to 3 keep 2 gold
         agent ann desk capacity 2
         agent bob desk capacity 2 can french
         agent cid desk capacity 2
         0s work ann
         0s work bob
         0s submit f1 standard voice require=french
         1s submit t1 standard voice
         2s work cid
         2s * ann is offered t1 #1 earliest-deadline
         2s * cid is offered t1 too #2 earliest-deadline
         2s * bob is offered f1 #3 earliest-deadline",
    );
}

#[test]
fn a_reserve_holds_as_if_the_offers_were_made_one_after_the_other() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk offer 20s to 4 keep 2 gold
         agent ann desk
         agent bob desk
         agent cid desk
         agent dee desk
         0s work ann
         0s work bob
         0s work cid
         0s work dee
         1s submit s1 standard voice
         1s * ann is offered s1 #1 at-risk
         1s * bob is offered s1 too #2 at-risk
         2s submit g1 gold voice
         2s * cid is offered g1 #3 at-risk
         2s * dee is offered g1 too #4 at-risk",
    );
}

#[test]
fn who_has_room_for_more_stays_idle_with_an_offer_and_spares_the_reserve() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk offer 20s to 4 keep 1 gold
         agent ann desk capacity 2
         agent bob desk
         0s work ann
         0s work bob
         1s submit s1 standard voice
         1s * ann is offered s1 #1 at-risk
         1s * bob is offered s1 too #2 at-risk
         2s submit g1 gold voice
         2s * ann is offered g1 #3 at-risk
         2s agent? ann -> Available in desk, holds s1 g1, idle since 0s, streams, offered s1 g1
         3s accept g1 #3 -> g1 #3 at-risk
         4s accept s1 #1 -> s1 #1 at-risk
         4s * offer #2 of s1 is taken back: TakenByAnother",
    );
}

#[test]
fn a_supervisor_takes_it_back_from_all() {
    check_desk(
        "1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         2s assign t1 cid
         2s * offer #1 of t1 is taken back: Supervisor
         2s * offer #2 of t1 is taken back: Supervisor
         2s see t1 -> offered to cid until 22s, gold, in desk, due 16s
         3s accept t1 #2 -> OfferEnded
         4s accept t1 #3 -> t1 #3 forced
         5s submit t2 gold voice
         5s * ann is offered t2 #4 at-risk
         5s * bob is offered t2 too #5 at-risk
         6s requeue t2
         6s * offer #4 of t2 is taken back: Supervisor
         6s * offer #5 of t2 is taken back: Supervisor
         6s * ann is offered t2 #6 at-risk
         6s * bob is offered t2 too #7 at-risk
         7s withdraw t2 -> ended 2
         7s agent? bob -> Available in desk, holds nothing, idle since 0s, streams",
    );
}

#[test]
fn a_supervisor_gives_it_to_one_of_those_who_have_it_to_answer() {
    check_desk(
        "1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         2s assign t1 bob
         2s * offer #1 of t1 is taken back: Supervisor
         2s see t1 -> offered to bob until 21s, gold, in desk, due 16s
         3s assign t1 bob -> again t1
         4s accept t1 #2 -> t1 #2 at-risk",
    );
}

#[test]
fn a_customer_who_hangs_up_frees_all_who_were_asked() {
    check_desk(
        "1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         2s cancel t1 -> ended 1
         2s accept t1 #2 -> TicketCancelled
         2s agent? ann -> Available in desk, holds nothing, idle since 0s, streams
         2s agent? bob -> Available in desk, holds nothing, idle since 0s, streams",
    );
}

#[test]
fn offers_to_several_survive_a_policy_that_orders_pools_otherwise() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool back; pool desk offer 20s to 2
         agent ann desk
         agent bob desk
         0s work ann
         0s work bob
         1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         2s change guarded-edf v2; tier gold 15s desk; pool desk lease 60s
         3s accept t1 #2 -> t1 #2 at-risk
         3s * offer #1 of t1 is taken back: TakenByAnother
         3s see t1 -> with bob of desk until 63s, gold, in desk, due 16s, picked up 3s",
    );
}

#[test]
fn a_dispatch_to_several_is_one_that_passes_a_starving_tier_by_in_each_of_their_pools() {
    check(
        "policy guarded-edf v1 floor 100; tier gold 15s desk+back; tier standard 60s desk+back;
         pool desk offer 20s to 3 keep 9 gold yields; pool back keep 9 gold yields
         agent ann desk
         agent bob desk+back
         agent cid back
         0s work ann
         0s work bob
         0s work cid
         0s submit s1 standard voice
         60.001s * s1 late for response
         121s submit g1 gold voice
         121s * ann is offered g1 #1 at-risk
         121s * bob is offered g1 too #2 at-risk
         121s * cid is offered g1 too #3 at-risk
         121s pool? desk -> 0 handled, 300s each, standard passed by 1
         121s pool? back -> 0 handled, 300s each, standard passed by 1",
    );
}

#[test]
fn who_is_offered_it_beside_the_first_would_get_it_and_others_learn_who_has_it_to_answer() {
    check_desk(
        "1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         2s why t1 cid -> offered to ann; offered to bob",
    );
}

#[test]
fn an_offer_that_an_agent_does_not_list_is_found_and_its_ticket_is_quarantined() {
    let mut engine = played(&format!("{DESK}\n1s submit t1 gold voice"));
    let number = engine.ticket(&TicketId::new("t1")).expect("a live ticket").number;
    let bob = AgentId::new("bob");
    engine.roster.take_offer(&bob, number, Channel::Voice);
    let mut audit = Audit::default();
    let mut flaws = Vec::new();
    while !audit.is_over() {
        for fault in engine.audit_step(&mut audit, 2) {
            flaws.push(fault.flaw);
            engine.apply(Time(2_000), &Event::Audited(fault.remedy()));
        }
    }
    assert_eq!(flaws, [Flaw::Holder]);
    engine.audit().expect("all is well again");
    let ann = engine.roster().get(&AgentId::new("ann")).expect("a registered agent");
    assert_eq!((ann.held.len(), ann.offered.len()), (0, 0), "nobody holds what is quarantined");
}

#[test]
fn a_ticket_that_is_moved_elsewhere_is_taken_back_from_all() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk offer 20s to 2; pool back
         agent ann desk
         agent bob desk
         0s work ann
         0s work bob
         1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s * bob is offered t1 too #2 at-risk
         2s move t1 pool back
         2s * offer #1 of t1 is taken back: Supervisor
         2s * offer #2 of t1 is taken back: Supervisor
         2s queues -> gold/voice/back: t1 (0 late)",
    );
}
