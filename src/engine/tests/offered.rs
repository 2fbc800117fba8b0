//! Channels that a tier does not offer.

use super::script::{check, played};
use crate::engine::capacity::ChannelSet;
use crate::engine::model::{Channel, TierIx, Time};
use crate::engine::timing::Urgency;

#[test]
fn a_submit_on_a_channel_that_the_tier_does_not_offer_is_refused_and_changes_nothing() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier lean 2h desk offers email+web; pool desk
         0s submit g1 gold voice
         0s submit c1 lean voice -> ChannelNotOffered { tier: TierIx(1), channel: Voice }
         0s submit c1 lean voice found -> ChannelNotOffered { tier: TierIx(1), channel: Voice }
         0s submit c1 lean voice unknown -> ChannelNotOffered { tier: TierIx(1), channel: Voice }
         0s submit c2 lean email
         0s recorded -> 3",
    );
}

#[test]
fn a_tier_that_the_directory_has_yet_to_confirm_refuses_no_channel() {
    check(
        "policy guarded-edf v1; tier lean 2h desk offers email; tier gold 15s desk; pool desk
         0s submit c1 lean voice stale 5m
         0s submit c2 lean voice unavailable
         1s retier c1 lean found
         1s see c1 -> waiting, lean (found), in desk, due 7200s, of c1",
    );
}

#[test]
fn a_policy_may_take_the_others_all_the_same() {
    check(
        "policy guarded-edf v1; tier lean 2h desk offers email others; pool desk
         0s submit c1 lean voice",
    );
}

#[test]
fn what_is_there_already_is_not_refused_again() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier lean 2h desk offers voice+email; pool desk
         agent ann desk
         here ann
         0s submit c1 gold voice
         0s policy guarded-edf v2; tier gold 15s desk offers email; tier lean 2h desk offers email; pool desk
         1s submit c1 gold voice -> again c1
         1s callback c1 555
         2s retier c1 lean found
         3s pull ann -> c1 #1 at-risk",
    );
}

#[test]
fn what_is_offered_comes_with_the_hours_and_the_target_of_its_urgency() {
    let engine = played(
        "policy guarded-edf v1; tier lean 2h desk offers chat+email within office high=500;
         pool desk; hours office 0@0 thu=9-17",
    );
    // 1970-01-01 was a Thursday.
    let at = Time(8 * 3_600_000);
    let policy = engine.policy();
    let offered: Vec<_> = policy.offered(TierIx(0), Urgency::High, at).collect();
    assert_eq!(ChannelSet::of(offered.iter().map(|o| o.channel)).0, 0b110);
    let chat = offered[0];
    assert_eq!((chat.channel, chat.open_now, chat.hours), (Channel::Chat, false, Some("office")));
    assert_eq!(chat.opens_at, Some(Time(9 * 3_600_000)));
    assert_eq!(chat.respond_within_ms, 3_600_000);
    assert_eq!(chat.respond_by, Time(10 * 3_600_000));
}
