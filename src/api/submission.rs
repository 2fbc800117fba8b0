//! A submit on its way from a message to a command: checked, looked up, numbered by its content.

use super::digest::Digest;
use super::names::{no_skill, no_tier};
use super::offered;
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::Checks;
use super::{Api, convert};
use crate::coding::{self, Freshness};
use crate::directory::{Directory, Identifier};
use crate::driver::Refused;
use crate::engine::coding::rules::Day;
use crate::engine::command::{Asked, Lookup, Rejection, Submit};
use crate::engine::model::{Caller, Channel, Content, TicketId, Time};
use crate::engine::timing::Urgency;
use std::sync::Arc;
use uuid::Uuid;

/// A submit that has been checked.
pub(super) struct Submission {
    id: TicketId,
    own_id: bool,
    fingerprint: u64,
    channel: Channel,
    urgency: Urgency,
    identifiers: Vec<Identifier>,
    tier: Option<Box<str>>,
    content: Content,
    not_before: Option<Time>,
    asked: Option<Box<Asked>>,
    topic: Option<Box<str>>,
}

impl Submission {
    /// Checks the request; one without an id gets one, made at `now`.
    pub(super) fn check(
        request: &pb::SubmitTicketRequest,
        payload_bytes_max: usize,
        now: Time,
    ) -> Result<Self, Fault> {
        let mut checks = Checks::default();
        let own_id = checks.optional_id("ticket_id", &request.ticket_id);
        let channel = checks.channel(request.channel);
        let urgency = checks.urgency_or_normal(request.urgency);
        let identifiers = checks.identifiers(request);
        let tier = checks.optional_name("tier", &request.tier);
        let content = checks.content(
            &request.subject,
            &request.payload,
            &request.attributes,
            payload_bytes_max,
        );
        let not_before = checks.instant_ahead("not_before", request.not_before.as_ref(), now);
        let asked = checks.asked(request);
        let topic = checks.optional_name("topic", &request.topic);
        checks.done()?;
        Ok(Self {
            asked,
            topic,
            own_id: own_id.is_some(),
            id: own_id.map_or_else(|| new_id(now), TicketId::new),
            fingerprint: fingerprint(request),
            channel,
            urgency,
            identifiers,
            tier,
            content,
            not_before,
        })
    }

    /// The same with its customer as the directory writes it: telephone numbers in E.164.
    pub(super) fn normal(mut self, directory: &Directory) -> Self {
        let mut normal = Vec::with_capacity(self.identifiers.len());
        for given in self.identifiers {
            let given = directory.normal(&given).into_owned();
            if !normal.contains(&given) {
                normal.push(given);
            }
        }
        self.identifiers = normal;
        self
    }

    /// What is known of the customer's tier. Takes no longer than the directory's budget.
    pub(super) async fn look_up(&self, api: &Api) -> Lookup {
        if let Some(tier) = &self.tier {
            return Lookup::Given { tier: tier.clone() };
        }
        let policy = &api.handle.view().policy;
        let today = Day::of(api.handle.clock().now());
        coding::look_up(&api.directory, policy, &self.identifiers, today, Freshness::Cached).await
    }

    /// Puts the ticket into its queue.
    pub(super) async fn send(
        self,
        api: &Api,
        lookup: Lookup,
    ) -> Result<pb::SubmitTicketResponse, Fault> {
        let mut given = self
            .identifiers
            .iter()
            .map(|given| (coding::engine_kind(given.kind()), Box::<str>::from(given.value())));
        let first = given.next();
        let caller = first
            .map(|(kind, value)| Caller { others: given.collect(), ..Caller::new(kind, value) });
        let id = self.id.clone();
        let tier = self.tier.clone();
        let (channel, urgency) = (self.channel, self.urgency);
        let skills = self.asked.iter().flat_map(|asked| &asked.skills);
        let skills: Vec<Box<str>> = skills.map(|skill| skill.name.clone()).collect();
        let submit = Submit {
            id: self.id,
            fingerprint: self.fingerprint,
            channel: self.channel,
            urgency: self.urgency,
            caller: caller.map(Arc::new),
            content: Arc::new(self.content),
            lookup,
            not_before: self.not_before,
            earlier: None,
            asked: self.asked,
            topic: self.topic.map(Into::into),
        };
        let refused = match api.handle.submit(submit, self.own_id).await {
            Ok(receipt) => return Ok(convert::receipt(&receipt)),
            Err(refused) => refused,
        };
        let policy = &api.handle.view().policy;
        Err(match (refused, tier) {
            (Refused::Rule(Rejection::SkillNotFound { at }), _) => {
                let name = skills.get(at).map_or("", |name| &**name);
                Fault::field(&format!("skills[{at}].skill"), no_skill(name, policy))
            }
            (Refused::Rule(Rejection::TierNotFound), Some(tier)) => {
                Fault::field("tier", no_tier(&tier, policy))
            }
            (refused @ Refused::Rule(Rejection::ChannelNotOffered { tier, .. }), _) => {
                let now = api.handle.clock().now();
                let fault = Fault::submit(refused, id.as_str(), policy);
                match offered::instead(policy, tier, channel, urgency, now) {
                    Some(instead) => fault.offered_instead(instead),
                    None => fault,
                }
            }
            (refused, _) => Fault::submit(refused, id.as_str(), policy),
        })
    }
}

/// A UUID of version 7, of the server's own time.
fn new_id(now: Time) -> TicketId {
    let seconds = u64::try_from(now.0.div_euclid(1000)).unwrap_or(0);
    let nanos = u32::try_from(now.0.rem_euclid(1000)).expect("it is below 1000") * 1_000_000;
    let timestamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
    TicketId::new(Uuid::new_v7(timestamp).to_string())
}

/// A digest of all that was asked but the id: two submits of one id with equal digests are one.
///
/// It is on disk with the ticket, so it must never change; a new field may only be added where a
/// request without it keeps its digest.
fn fingerprint(request: &pb::SubmitTicketRequest) -> u64 {
    let number = |number: i32| u64::from(number.cast_unsigned());
    let mut digest = Digest::new().number(number(request.channel));
    digest = match &request.customer {
        None => digest.number(0),
        Some(customer) => digest.number(1).number(number(customer.kind)).text(&customer.value),
    };
    digest = digest
        .text(&request.tier)
        .text(&request.subject)
        .bytes(&request.payload)
        .number(request.attributes.len() as u64);
    for (key, value) in &request.attributes {
        digest = digest.text(key).text(value);
    }
    if let Some(at) = &request.not_before {
        digest =
            digest.text("not_before").number(at.seconds.cast_unsigned()).number(number(at.nanos));
    }
    if !request.other_identifiers.is_empty() {
        digest = digest.text("other_identifiers").number(request.other_identifiers.len() as u64);
        for other in &request.other_identifiers {
            digest = digest.number(number(other.kind)).text(&other.value);
        }
    }
    let pb::SubmitTicketRequest { skills, preferred_agent, only_agent_id, .. } = request;
    let excluded = &request.excluded_agent_ids;
    if !skills.is_empty() {
        digest = digest.text("skills").number(skills.len() as u64);
        for need in skills {
            let mode = u64::from(need.mode.max(1).cast_unsigned());
            digest = digest.text(&need.skill).number(need.level.max(1).into()).number(mode);
            digest = span(digest, need.drop_after.as_ref());
        }
    }
    if let Some(preferred) = preferred_agent {
        digest = digest.text("preferred_agent").text(&preferred.agent_id);
        digest = span(digest, preferred.wait.as_ref());
    }
    if !only_agent_id.is_empty() {
        digest = digest.text("only_agent_id").text(only_agent_id);
    }
    if !excluded.is_empty() {
        digest = digest.text("excluded_agent_ids").number(excluded.len() as u64);
        digest = excluded.iter().fold(digest, |digest, id| digest.text(id));
    }
    // A submit of the time before urgencies has none, and means a normal one.
    if !matches!(request.urgency(), pb::Urgency::Unspecified | pb::Urgency::Normal) {
        digest = digest.text("urgency").number(number(request.urgency));
    }
    if !request.topic.is_empty() {
        digest = digest.text("topic").text(&request.topic);
    }
    digest.finish()
}

fn span(digest: Digest, span: Option<&prost_types::Duration>) -> Digest {
    match span {
        None => digest.number(0),
        Some(span) => {
            let nanos = u64::from(span.nanos.cast_unsigned());
            digest.number(1).number(span.seconds.cast_unsigned()).number(nanos)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> pb::SubmitTicketRequest {
        pb::SubmitTicketRequest {
            ticket_id: "T-1".into(),
            channel: pb::Channel::Voice.into(),
            customer: Some(pb::CustomerIdentifier {
                kind: pb::IdentifierKind::Phone.into(),
                value: "+12025550101".into(),
            }),
            tier: String::new(),
            subject: "card lost".into(),
            payload: vec![1, 2, 3].into(),
            attributes: [("ivr".to_owned(), "4".to_owned())].into(),
            ..Default::default()
        }
    }

    fn french(level: u32, mode: i32) -> pb::SkillNeed {
        pb::SkillNeed { skill: "french".into(), level, mode, drop_after: None }
    }

    #[test]
    fn the_fingerprint_of_a_request_is_the_same_in_every_release() {
        // These values are on disks: a test that fails here must not be changed, but the code.
        assert_eq!(fingerprint(&request()), 0x0bed_0265_25e5_1c76);
        assert_eq!(fingerprint(&pb::SubmitTicketRequest::default()), 0xa09d_945a_1cd8_d6e5);
    }

    #[test]
    fn every_field_but_the_id_changes_the_fingerprint() {
        type Change = fn(&mut pb::SubmitTicketRequest);
        let changes: [Change; 19] = [
            |r| r.channel = pb::Channel::Chat.into(),
            |r| r.customer = None,
            |r| r.customer.as_mut().unwrap().kind = pb::IdentifierKind::Card.into(),
            |r| r.customer.as_mut().unwrap().value.push('2'),
            |r| r.tier = "gold".into(),
            |r| r.other_identifiers = vec![r.customer.clone().unwrap()],
            |r| r.subject.clear(),
            |r| r.not_before = Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            |r| r.payload = vec![1, 2].into(),
            |r| r.attributes.clear(),
            |r| drop(r.attributes.insert("ivr".into(), "5".into())),
            |r| r.skills = vec![french(1, 0)],
            |r| r.skills = vec![french(2, 0)],
            |r| r.skills = vec![french(1, 2)],
            |r| r.only_agent_id = "ann".into(),
            |r| r.excluded_agent_ids = vec!["ann".into()],
            |r| {
                let (agent_id, wait) = ("ann".into(), None);
                r.preferred_agent = Some(pb::PreferredAgent { agent_id, wait });
            },
            |r| r.urgency = pb::Urgency::High.into(),
            |r| r.topic = "late".into(),
        ];
        let mut seen = std::collections::BTreeSet::from([fingerprint(&request())]);
        for (at, change) in changes.iter().enumerate() {
            let mut other = request();
            change(&mut other);
            assert!(seen.insert(fingerprint(&other)), "change {at}");
        }
        let same = pb::SubmitTicketRequest { ticket_id: "T-2".into(), ..request() };
        assert_eq!(fingerprint(&same), fingerprint(&request()));
        let said = pb::SubmitTicketRequest { urgency: pb::Urgency::Normal.into(), ..request() };
        assert_eq!(fingerprint(&said), fingerprint(&request()), "normal is what is not said");
    }

    #[test]
    fn an_id_made_here_is_a_uuid_of_version_7_of_the_servers_time() {
        let id = new_id(Time(1_700_000_000_123));
        let uuid = Uuid::parse_str(id.as_str()).expect("it is a UUID");
        assert_eq!(uuid.get_version_num(), 7);
        let (seconds, nanos) = uuid.get_timestamp().expect("version 7 has one").to_unix();
        assert_eq!((seconds, nanos / 1_000_000), (1_700_000_000, 123));
        assert!(super::super::validate::is_id(id.as_str()));
        assert_ne!(new_id(Time(1)), new_id(Time(1)));
    }
}
