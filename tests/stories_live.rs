//! The stories of docs/stories.md on the real server beside a real Redis: other systems write customers with
//! plain commands, tickets come in, and what follows from the customer follows.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/floor.rs"]
mod floor;
#[path = "support/redis.rs"]
mod redis;
#[path = "support/running.rs"]
mod running;

use floor::{Done, shipped, tierline};
use redis::RedisServer;
use running::{Folder, LONG, Running};
use std::fmt::Write as _;
use std::time::Duration;
use tierline::api::proto::v1 as pb;
use tierline::api::proto::v1::admin_service_client::AdminServiceClient;
use tierline::api::proto::v1::agent_service_client::AgentServiceClient;
use tierline::api::proto::v1::intake_service_client::IntakeServiceClient;
use tierline::api::proto::v1::ops_service_client::OpsServiceClient;
use tokio::time::timeout;
use tonic::transport::Channel;

const VOICE: pb::Channel = pb::Channel::Voice;

/// A server with one of the shipped policies, and the Redis that it asks.
struct Story {
    redis: RedisServer,
    server: Running,
    channel: Channel,
    folder: Folder,
}

impl Story {
    async fn of(policy: &str) -> Self {
        let redis = RedisServer::start();
        let url = redis.url();
        let more = format!("[directory]\nkind = \"redis\"\nurl = \"{url}\"\nbudget = \"500ms\"\n");
        let folder = Folder::new("", &more);
        let mut serve = folder.serve();
        serve.arg("--policy").arg(shipped(&format!("config/{policy}.toml")));
        let server = Running::of(serve).await;
        let listens =
            async { while server.metric("tierline_directory_listens").await != Some(1.0) {} };
        timeout(LONG, listens).await.expect("Redis is found");
        let channel = server.connect().await;
        Self { redis, server, channel, folder }
    }

    /// What a CRM does: a hash for the customer, a key for each identifier.
    fn customer(&self, id: &str, fields: &[(&str, &str)], identifiers: &[&str]) {
        let key = format!("tierline:customer:{id}");
        let mut command = vec!["HSET", &key];
        command.extend(fields.iter().flat_map(|(field, value)| [*field, *value]));
        self.redis.command(&command);
        for identifier in identifiers {
            self.redis.command(&["SET", &format!("tierline:ident:{identifier}"), id]);
        }
    }

    async fn submit(
        &self,
        id: &str,
        channel: pb::Channel,
        kind: pb::IdentifierKind,
        value: &str,
    ) -> Result<pb::SubmitTicketResponse, tonic::Status> {
        self.submit_about(id, channel, kind, value, "").await
    }

    async fn submit_about(
        &self,
        id: &str,
        channel: pb::Channel,
        kind: pb::IdentifierKind,
        value: &str,
        topic: &str,
    ) -> Result<pb::SubmitTicketResponse, tonic::Status> {
        let request = pb::SubmitTicketRequest {
            ticket_id: id.into(),
            channel: channel.into(),
            customer: Some(pb::CustomerIdentifier { kind: kind.into(), value: value.into() }),
            topic: topic.into(),
            ..Default::default()
        };
        let mut intake = IntakeServiceClient::new(self.channel.clone());
        Ok(intake.submit_ticket(request).await?.into_inner())
    }

    async fn ticket(&self, id: &str) -> pb::Ticket {
        let request = pb::GetTicketRequest { ticket_id: id.into() };
        let mut intake = IntakeServiceClient::new(self.channel.clone());
        intake.get_ticket(request).await.unwrap().into_inner().ticket.unwrap()
    }

    async fn until_tier(&self, id: &str, tier: &str) {
        let changed = async {
            while self.ticket(id).await.tier != tier {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, changed).await.unwrap_or_else(|_| panic!("{id} becomes {tier}"));
    }

    /// Until the ticket waits for this one agent, or for nobody by name.
    async fn until_for(&self, id: &str, agent: Option<&str>) {
        let changed = async {
            while self.ticket(id).await.waits_for_agent_id != agent.unwrap_or_default() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, changed).await.unwrap_or_else(|_| panic!("{id} waits for {agent:?}"));
    }

    async fn hire(&self, agent: &str, pool: &str) {
        let put = pb::PutAgentRequest {
            agent_id: agent.into(),
            pools: vec![pool.into()],
            capacity: 5,
            ..Default::default()
        };
        AdminServiceClient::new(self.channel.clone()).put_agent(put).await.unwrap();
        let presence = pb::Presence::Available.into();
        let request = pb::SetPresenceRequest { agent_id: agent.into(), presence };
        AgentServiceClient::new(self.channel.clone()).set_presence(request).await.unwrap();
    }

    async fn pull(&self, agent: &str) -> Option<pb::Assignment> {
        let request = pb::PullTicketRequest { agent_id: agent.into(), ..Default::default() };
        let mut agents = AgentServiceClient::new(self.channel.clone());
        match agents.pull_ticket(request).await.unwrap().into_inner().result {
            Some(pb::pull_ticket_response::Result::Assignment(assignment)) => Some(*assignment),
            _ => None,
        }
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let mut command = tierline();
        command.arg("--server").arg(format!("http://{}", self.server.grpc));
        Done::of(command.args(arguments).output().unwrap())
    }
}

fn within_s(receipt: &pb::SubmitTicketResponse) -> i64 {
    within_ms(receipt) / 1000
}

fn within_ms(receipt: &pb::SubmitTicketResponse) -> i64 {
    let ms = |at: Option<prost_types::Timestamp>| {
        let at = at.unwrap();
        at.seconds * 1000 + i64::from(at.nanos / 1_000_000)
    };
    ms(receipt.respond_by) - ms(receipt.submitted_at)
}

fn day(days_ago: i64) -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.checked_sub(jiff::Span::new().days(days_ago)).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn schwab_knows_a_depot_and_promises_fifteen_seconds() {
    let story = Story::of("schwab").await;
    story.customer("C-1", &[("attr:assets", "250000")], &["account:D-1"]);
    story.customer("C-2", &[("attr:assets", "99999.99")], &["account:D-2"]);
    let account = pb::IdentifierKind::Account;
    let rich = story.submit("rich", VOICE, account, "D-1").await.unwrap();
    let other = story.submit("other", VOICE, account, "D-2").await.unwrap();
    assert_eq!((&*rich.tier, within_s(&rich)), ("preferred", 15));
    assert_eq!(rich.known.unwrap().because, "assets 250000 >= 100000");
    assert_eq!((&*other.tier, within_s(&other)), ("standard", 180));
    // The depot grows while the customer waits.
    story.customer("C-2", &[("attr:assets", "100000")], &[]);
    story.until_tier("other", "preferred").await;
    let explained = story.run(&["explain", "other"]).with_code(0).out;
    assert!(explained.contains("assets 100000 >= 100000"), "{explained}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sears_finds_big_spenders_by_their_card_and_guarantees_two_hours() {
    let story = Story::of("sears").await;
    story.customer("C-1", &[("attr:annual_spend", "7200")], &["card:SC-1"]);
    story.customer("C-2", &[("attr:annual_spend", "120")], &["card:SC-2"]);
    let card = pb::IdentifierKind::Card;
    let big = story.submit("big", pb::Channel::Web, card, "SC-1").await.unwrap();
    let other = story.submit("other", pb::Channel::Web, card, "SC-2").await.unwrap();
    assert_eq!((&*big.tier, within_s(&big)), ("big-spender", 2 * 3600));
    assert_eq!((&*other.tier, within_s(&other)), ("occasional", 48 * 3600));
    assert_eq!(big.solve_by, big.respond_by, "the solution is promised too");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_utility_keeps_three_of_eight_for_the_customers_that_matter_most() {
    let story = Story::of("utility").await;
    story.customer("K-1", &[("tier", "key")], &["phone:+12025550101"]);
    let phone = pb::IdentifierKind::Phone;
    for agent in ["a", "b", "c", "d"] {
        story.hire(agent, "desk").await;
    }
    story.submit("mass", VOICE, phone, "+1 202 555 0199").await.unwrap();
    assert!(story.pull("a").await.is_none(), "one agent idle, three are kept");
    let key = story.submit("key", VOICE, phone, "(+1) 202-555-0101").await.unwrap();
    assert_eq!((&*key.tier, key.customer_id.as_str()), ("key", "K-1"));
    assert_eq!(story.pull("a").await.unwrap().ticket.unwrap().ticket_id, "key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_is_coded_by_margin_and_what_waits_follows() {
    let story = Story::of("abc").await;
    let mut book = "id,tier,attr:revenue,attr:cost\n".to_owned();
    for n in 1..=10 {
        let id = format!("C-{n}");
        story.customer(&id, &[("tier", "C")], &[]);
        writeln!(book, "{id},C,{},200", n * 1000).unwrap();
    }
    let id = pb::IdentifierKind::Id;
    let waiting = story.submit("best", pb::Channel::Email, id, "C-10").await.unwrap();
    assert_eq!(waiting.tier, "C");
    let file = story.folder.path().join("book.csv");
    std::fs::write(&file, book).unwrap();
    let file = file.display().to_string();
    let classes = ["customers", "classify", &file, "--classes", "A=20,B=30,C=50"];
    let dry = story.run(&classes).with_code(0).out;
    assert!(dry.contains("C-10"), "{dry}");
    assert_eq!(story.ticket("best").await.tier, "C", "a dry run changes nothing");
    story.run(&[&classes[..], &["--apply"]].concat()).with_code(0);
    story.until_tier("best", "A").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_customer_is_served_by_what_the_first_order_foretells() {
    let story = Story::of("abc").await;
    let order =
        [("attr:predicted_revenue", "2500"), ("attr:predicted_cost", "900"), ("attr:orders", "1")];
    let first = day(3);
    story.customer("C-1", &[&order[..], &[("attr:first_order", &*first)]].concat(), &[]);
    let id = pb::IdentifierKind::Id;
    let receipt = story.submit("t", VOICE, id, "C-1").await.unwrap();
    let known = receipt.known.clone().unwrap();
    assert_eq!((&*receipt.tier, known.provisional), ("A", true), "{known:?}");
    assert_eq!(known.standing(), pb::Standing::New);
    assert_eq!(
        within_ms(&receipt),
        7500,
        "half of fifteen seconds: the first order must go perfectly"
    );
    // History has come, and the class with it.
    story.customer("C-1", &[("attr:orders", "3"), ("tier", "B")], &[]);
    story.until_tier("t", "B").await;
    assert!(!story.ticket("t").await.known.unwrap().provisional);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lean_tier_says_what_it_offers_instead() {
    let story = Story::of("abc").await;
    story.customer("C-1", &[("tier", "C")], &["phone:+12025550101"]);
    let phone = pb::IdentifierKind::Phone;
    let refused = story.submit("t", VOICE, phone, "+12025550101").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    let told = story.run(&["submit", "--phone", "+12025550101"]).with_code(1);
    for channel in ["email", "web", "callback"] {
        assert!(
            told.err.contains(channel) || told.out.contains(channel),
            "{told:?}",
            told = told.err
        );
    }
    let mail = story.submit("m", pb::Channel::Email, phone, "+12025550101").await.unwrap();
    assert_eq!((&*mail.hours, mail.open_now.is_some()), ("office", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_fixed_a_tier_that_changes_reaches_what_waits() {
    let story = Story::of("abc").await;
    story.customer("C-1", &[("tier", "B")], &["email:ada@example.com"]);
    let email = pb::IdentifierKind::Email;
    let before = story.submit("t", pb::Channel::Email, email, "Ada@Example.com").await.unwrap();
    story.redis.command(&["HSET", "tierline:customer:C-1", "tier", "A"]);
    story.until_tier("t", "A").await;
    let after = story.ticket("t").await;
    assert_eq!(after.submitted_at, before.submitted_at, "the wait is kept");
    let gained = before.respond_by.unwrap().seconds - after.respond_by.unwrap().seconds;
    assert_eq!(gained, 3 * 3600, "from four hours to one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regular_with_late_deliveries_is_lifted_and_the_agent_is_told() {
    let story = Story::of("abc").await;
    story.customer("C-1", &[("tier", "B"), ("attr:late_deliveries_90d", "2")], &[]);
    let id = pb::IdentifierKind::Id;
    let receipt = story.submit("t", VOICE, id, "C-1").await.unwrap();
    assert_eq!((&*receipt.tier, within_ms(&receipt)), ("A", 7500));
    story.hire("ann", "desk").await;
    let card = story.pull("ann").await.unwrap().card.unwrap();
    assert_eq!(card.standing(), pb::Standing::AtRisk);
    assert!(!card.because.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_complaint_again_and_again_is_seen_as_a_fault_of_the_process() {
    let story = Story::of("abc").await;
    story.customer("C-1", &[("tier", "B")], &[]);
    let id = pb::IdentifierKind::Id;
    for n in 1..=3 {
        let ticket = format!("t{n}");
        story.submit_about(&ticket, VOICE, id, "C-1", "cold-chain").await.unwrap();
    }
    let third = story.ticket("t3").await;
    assert_eq!((third.contact_count, &*third.previous_ticket_id), (3, "t2"));
    assert_eq!(third.pools, ["process"]);
    assert_eq!(story.ticket("t2").await.pools, ["desk"]);
    let mut ops = OpsServiceClient::new(story.channel.clone());
    let listed = ops.list_repeat_contacts(pb::ListRepeatContactsRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().topics[0].topic, "cold-chain");
    assert!(story.run(&["repeats"]).with_code(0).out.contains("cold-chain"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_are_known_by_name_and_contacted_in_idle_time() {
    let story = Story::of("abc").await;
    let birthday = format!("1980-{}", &day(0)[5..]);
    let fields = [
        ("tier", "A"),
        ("name", "Ada Kestrel"),
        ("attr:city", "Bern"),
        ("attr:account_manager", "vera"),
        ("attr:birthday", &*birthday),
        ("attr:since", "2001-01-01"),
    ];
    story.customer("C-1", &fields, &[]);
    let told = story.run(&["plan", "contacts"]).with_code(0).out;
    assert!(told.contains("Happy birthday"), "{told}");
    for agent in ["ann", "bob"] {
        story.hire(agent, "desk").await;
    }
    assert!(story.pull("ann").await.is_none(), "the contact waits for idle time");
    let id = pb::IdentifierKind::Id;
    story.submit("call", VOICE, id, "C-1").await.unwrap();
    let call = story.pull("ann").await.unwrap();
    let card = call.card.unwrap();
    assert_eq!((&*card.name, &*card.account_manager), ("Ada Kestrel", "vera"));
    assert_eq!(card.benefits, ["fees waived", "10 % discount on repairs"]);
    assert_eq!(card.attributes["city"], "Bern");
    assert!(card.treatment.contains("By name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farewell_takes_two_people_and_goes_to_the_one_person_who_explains() {
    let story = Story::of("abc").await;
    // What a CRM writes by itself decides nothing.
    let fields = [("tier", "C"), ("segment", "theirs"), ("attr:standing", "farewell")];
    story.customer("C-1", &fields, &[]);
    for (agent, pool) in [("vera", "transition"), ("max", "transition"), ("ann", "desk")] {
        story.hire(agent, pool).await;
    }
    let id = pb::IdentifierKind::Id;
    let waiting = story.submit("waiting", pb::Channel::Email, id, "C-1").await.unwrap();
    assert_ne!(waiting.known.unwrap_or_default().standing(), pb::Standing::Farewell);
    assert_eq!(story.ticket("waiting").await.pools, ["desk"]);

    // It may be stored again as it is, and said of nobody else.
    let change = |id, fact| story.run(&["customers", "change", id, "--attribute", fact]);
    story.customer("C-2", &[("attr:standing", "farewell")], &[]);
    change("C-2", "city=Bern").with_code(0);
    story.customer("C-3", &[("tier", "C")], &[]);
    let refused = change("C-3", "standing=farewell").with_code(64).err;
    assert!(refused.contains("`tierline customers farewell`"), "{refused}");

    let date = day(-90);
    let propose = ["customers", "farewell", "propose", "C-1", "--by", "kim", "--agent", "vera"];
    let why = ["--date", &date, "--reason", "costs more than it brings"];
    story.run(&[&propose[..], &why].concat()).with_code(0);
    let confirm = |by| story.run(&["customers", "farewell", "confirm", "C-1", "--by", by]);
    let refused = confirm("Kim").with_code(1).err;
    assert!(refused.contains("\"kim\" is who proposed it"), "{refused}");
    assert_eq!(story.ticket("waiting").await.pools, ["desk"], "one person is not enough");
    confirm("lee").with_code(0);
    let theirs = story.redis.command(&["HGET", "tierline:customer:C-1", "segment"]);
    assert!(theirs.contains("theirs"), "the rest of the hash is left alone: {theirs}");

    story.until_for("waiting", Some("vera")).await;
    story.submit("later", pb::Channel::Email, id, "C-1").await.unwrap();
    for other in ["max", "ann"] {
        assert!(story.pull(other).await.is_none(), "it is not for {other}");
    }
    for ticket in ["waiting", "later"] {
        let given = story.pull("vera").await.unwrap();
        assert_eq!(given.ticket.unwrap().ticket_id, ticket);
        let card = given.card.unwrap();
        assert_eq!(card.standing(), pb::Standing::Farewell);
        assert_eq!((&*card.account_manager, &*card.transition_date), ("vera", &*date));
    }
    // Taken back while another waits: it is everybody's again.
    story.submit("last", pb::Channel::Email, id, "C-1").await.unwrap();
    assert!(story.pull("ann").await.is_none());
    story.run(&["customers", "farewell", "withdraw", "C-1", "--by", "max"]).with_code(0);
    story.until_for("last", None).await;
    assert_eq!(story.pull("ann").await.unwrap().ticket.unwrap().ticket_id, "last");
}
