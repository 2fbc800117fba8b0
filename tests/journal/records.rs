//! Events as bytes and back.

use crate::script::{Script, rare_events};
use std::collections::HashSet;
use tierline::engine::command::Event;
use tierline::engine::model::Time;
use tierline::journal::frame::{self, Builder, Frame, HEADER_LEN};
use tierline::journal::{Link, Seq, record};

#[test]
fn the_events_of_a_busy_floor_come_back_as_they_were() {
    let mut script = Script::new(1);
    let mut events = script.begin().events;
    for _ in 0..600 {
        events.extend(script.step().events);
    }
    events.extend(rare_events().map(|event| (Time(-5), event)));
    let mut builder = Builder::default();
    for (at, event) in &events {
        builder.push(*at, event);
    }
    let frame = builder.seal(Link::default());
    assert_eq!(frame.events().expect("it was just written"), events);
    let kinds: HashSet<_> = events.iter().map(|(_, event)| std::mem::discriminant(event)).collect();
    let names_anew = |event: &Event| matches!(event, Event::Retiered { wish: Some(wish), .. } if wish.is_standings);
    assert!(events.iter().any(|(_, event)| names_anew(event)), "a standing names its agent");
    assert_eq!(
        kinds.len(),
        23,
        "the script makes as many kinds of events; the others pass through the engine's scripts"
    );
}

#[test]
fn equal_events_are_equal_bytes() {
    let bytes = |seed| {
        let mut builder = Builder::default();
        let mut script = Script::new(seed);
        for batch in [script.begin(), script.step(), script.step()] {
            batch.events.iter().for_each(|(at, event)| builder.push(*at, event));
        }
        builder.seal(Link::default()).bytes().to_vec()
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn values_of_a_later_release_are_refused_by_name() {
    // Record 1 { at: 5, presence_set { agent: "a", presence: N } }, written by hand.
    let presence = |value| vec![0x0a, 9, 0x08, 5, 0x32, 5, 0x0a, 1, b'a', 0x10, value];
    assert!(record::events(&presence(1), 1).is_ok());
    let unknown = |field, value| record::Error::Unknown { field, value };
    let missing = |field| record::Error::Missing { field };
    let refused = |bytes: &[u8]| record::events(bytes, 1).expect_err("it is not known");
    assert_eq!(refused(&presence(9)), unknown("presence_set.presence", 9));
    assert_eq!(refused(&presence(0)), missing("presence_set.presence"));
    // An event of a kind that this release does not have (field 200).
    assert_eq!(refused(&[0x0a, 5, 0x08, 5, 0xc2, 0x0c, 0]), missing("record.event"));
    // An agent without a name.
    assert_eq!(refused(&[0x0a, 6, 0x08, 5, 0x32, 2, 0x10, 1]), missing("agent"));
    // Pool 64 of 64.
    let assigned = [0x0a, 9, 0x08, 5, 0x7a, 5, 0x12, 1, b'a', 0x18, 64];
    assert_eq!(refused(&assigned), unknown("assigned.pool", 64));
    // Less than the frame says, and not a message at all.
    assert_eq!(record::events(&[], 1), Err(record::Error::Count { count: 1, found: 0 }));
    assert!(matches!(refused(&[0x0a, 0xff]), record::Error::Protobuf(_)));
}

#[test]
fn a_flipped_bit_anywhere_in_a_frame_is_noticed() {
    let mut builder = Builder::default();
    let link = Link { last: Seq(41), crc: 7 };
    for (at, event) in Script::new(3).begin().events {
        builder.push(at, &event);
    }
    let bytes = builder.seal(link).bytes().to_vec();
    assert_eq!(
        Frame::parse(&bytes).expect("it is whole").follows(link).expect("it is next").last,
        { Seq(41 + u64::from(builder.count())) }
    );
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = Frame::parse(&damaged).expect_err("a bit is wrong");
        let in_header = bit < HEADER_LEN * 8;
        assert!(
            matches!(
                (in_header, &error),
                (true, frame::Error::Header { .. }) | (false, frame::Error::Payload { .. })
            ),
            "bit {bit}: {error}"
        );
    }
    for len in 0..bytes.len() {
        let error = Frame::parse(&bytes[..len]).expect_err("it is too short");
        assert!(matches!(error, frame::Error::Torn { .. }), "{len}: {error}");
    }
}

#[test]
fn a_frame_continues_only_the_frame_before_it() {
    let mut builder = Builder::default();
    builder.push(Time(1), &tierline::engine::command::Event::Started);
    let link = Link { last: Seq(41), crc: 7 };
    let frame = builder.seal(link);
    let after = |last, crc| frame.follows(Link { last: Seq(last), crc });
    assert_eq!(after(41, 7).map(|link| link.last), Ok(Seq(42)));
    let chain = frame::Error::Chain { stored: 7, expected: 8 };
    assert_eq!(after(41, 8), Err(chain));
    let gap = frame::Error::Gap { expected: Seq(41), found: Seq(42) };
    assert_eq!(after(40, 7), Err(gap));
}
