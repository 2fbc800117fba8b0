//! Limits on waiting tickets.

use super::script::check;

#[test]
fn a_full_queue_refuses_its_own_tier_and_channel_and_nobody_else() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 60s desk most 2; pool desk
         agent ann desk
         here ann
         0s submit s1 standard voice
         0s submit s2 standard voice
         0s submit s3 standard voice -> QueueFull { tier: TierIx(1), channel: Voice, max: 2 }
         0s submit s4 standard chat
         0s submit g1 gold voice
         0s submit g2 gold voice
         0s submit g3 gold voice
         0s cancel s4 -> ended 3
         1s cancel s1 -> ended 1
         1s submit s3 standard voice",
    );
}

#[test]
fn a_retry_of_a_ticket_that_waits_is_no_new_one_in_a_full_queue() {
    check(
        "policy guarded-edf v1; tier gold 15s desk most 1; pool desk
         0s submit g1 gold voice
         1s submit g1 gold voice -> again g1",
    );
}

#[test]
fn tickets_in_hand_and_tickets_given_back_have_their_place_beside_the_limit() {
    check(
        "policy guarded-edf v1; tier gold 15s desk most 1; pool desk
         agent ann desk
         here ann
         0s submit g1 gold voice
         0s pull ann -> g1 #1 at-risk
         0s submit g2 gold voice
         0s submit g3 gold voice -> QueueFull { tier: TierIx(0), channel: Voice, max: 1 }
         1s release g1 #1
         1s queues -> gold/voice/desk: g1 g2 (0 late)",
    );
}
