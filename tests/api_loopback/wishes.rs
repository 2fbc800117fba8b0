//! What tickets ask of their agents, over the wire.

use crate::server::{POLICY, TestServer, Wish, assigned, empty, ticket_of, told};
use tierline::api::proto::v1 as pb;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

fn span(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

fn need(skill: &str, level: u32) -> pb::SkillNeed {
    pb::SkillNeed { skill: skill.into(), level, ..Default::default() }
}

fn has(skill: &str, level: u32) -> pb::SkillLevel {
    pb::SkillLevel { skill: skill.into(), level }
}

/// Registers an agent of the seniors who is available.
async fn hire(server: &TestServer, id: &str, skills: &[pb::SkillLevel]) -> pb::Agent {
    let pools = vec!["senior".to_owned()];
    let (agent_id, skills) = (id.to_owned(), skills.to_vec());
    let request = pb::PutAgentRequest { agent_id, pools, skills, ..Default::default() };
    let put = server.admin().put_agent(request).await.expect("the agent is taken");
    let presence = pb::Presence::Available.into();
    let request = pb::SetPresenceRequest { agent_id: id.into(), presence };
    server.agent().set_presence(request).await.expect("the agent is there");
    put.into_inner().agent.expect("an answer has its agent")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_goes_to_an_agent_with_the_skills_it_requires() {
    let mut server = TestServer::start().await;
    let ann = hire(&server, "ann", &[has("trainee", 0), has("french", 3)]).await;
    assert_eq!(ann.skills, [has("french", 3), has("trainee", 1)]);
    hire(&server, "bob", &[has("french", 2)]).await;
    let trainee = pb::SkillNeed { mode: pb::SkillMode::Exclude.into(), ..need("trainee", 0) };
    let asked = |id: &str, skills| pb::SubmitTicketRequest { skills, ..ticket_of(id, "gold") };
    server.submit(asked("T-1", vec![need("french", 3)])).await;
    server.submit(asked("T-2", vec![trainee])).await;
    let waiting = server.get("T-1").await.unwrap();
    assert_eq!(waiting.queue_id, "gold/voice/senior/french=3");
    assert_eq!(waiting.required_skills, [has("french", 3)]);
    assert_eq!(waiting.skills[0].mode(), pb::SkillMode::Require);

    // The queue is listed under its name, and what is asked outlives a restart.
    server = server.restart().await;
    let request = pb::ListTicketsRequest {
        queue_id: "gold/voice/senior/!trainee".into(),
        ..Default::default()
    };
    let listed = server.intake().list_tickets(request).await.unwrap().into_inner();
    assert_eq!(listed.tickets.iter().map(|t| &*t.ticket_id).collect::<Vec<_>>(), ["T-2"]);
    let taken = server.take("ann").await;
    assert_eq!(taken.ticket.unwrap().ticket_id, "T-1");
    assert_eq!(server.take("bob").await.ticket.unwrap().ticket_id, "T-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_asked_for_and_excluded_by_name() {
    let server = TestServer::start().await;
    hire(&server, "ann", &[]).await;
    hire(&server, "bob", &[]).await;
    let preferred = pb::PreferredAgent { agent_id: "ann".into(), wait: Some(span(600)) };
    server
        .submit(pb::SubmitTicketRequest {
            preferred_agent: Some(preferred.clone()),
            excluded_agent_ids: vec!["cid".into()],
            ..ticket_of("T-1", "gold")
        })
        .await;
    let only = pb::SubmitTicketRequest { only_agent_id: "bob".into(), ..ticket_of("T-2", "gold") };
    server.submit(only.clone()).await;
    assert!(server.submit(only).await.duplicate);
    let waiting = server.get("T-1").await.unwrap();
    assert_eq!(waiting.queue_id, "gold/voice/senior/?ann");
    assert_eq!(
        (waiting.waits_for_agent_id, waiting.preferred_agent),
        ("ann".into(), Some(preferred))
    );
    assert_eq!(server.take("bob").await.ticket.unwrap().ticket_id, "T-2");

    // Ann goes away: others may serve what waited for her, but not Cid.
    let away =
        pb::SetPresenceRequest { agent_id: "ann".into(), presence: pb::Presence::Away.into() };
    server.agent().set_presence(away).await.unwrap();
    let opened = server.get("T-1").await.unwrap();
    assert_eq!((&*opened.queue_id, &*opened.waits_for_agent_id), ("gold/voice/senior/~cid", ""));
    hire(&server, "cid", &[]).await;
    assert_eq!(empty(&server.pull("cid", "").await), pb::EmptyReason::NothingWaiting);
    hire(&server, "dee", &[]).await;
    assert_eq!(assigned(server.pull("dee", "").await).ticket.unwrap().ticket_id, "T-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_in_what_is_asked_is_told_with_its_field() {
    let server = TestServer::start().await;
    let good = || ticket_of("T-1", "gold");
    let skills = |skills| pb::SubmitTicketRequest { skills, ..good() };
    let prefer = pb::SkillMode::Prefer.into();
    let excluded = |ids: &[&str]| pb::SubmitTicketRequest {
        excluded_agent_ids: ids.iter().map(ToString::to_string).collect(),
        ..good()
    };
    let preferred = |agent: &str, wait| pb::SubmitTicketRequest {
        preferred_agent: Some(pb::PreferredAgent { agent_id: agent.into(), wait }),
        ..good()
    };
    for (request, fields) in [
        (skills(vec![need("", 1)]), &["skills[0].skill"][..]),
        (skills(vec![need("french", 11)]), &["skills[0].level"]),
        (skills(vec![need("french", 1), need("french", 2)]), &["skills[1].skill"]),
        (skills(vec![need("french", 1), need("martian", 2)]), &["skills[1].skill"]),
        (skills(vec![need("french", 1); 17]), &["skills"]),
        (skills(vec![pb::SkillNeed { mode: 9, ..need("french", 1) }]), &["skills[0].mode"]),
        (skills(vec![pb::SkillNeed { mode: 3, ..need("french", 1) }]), &["skills[0].level"]),
        (
            skills(vec![pb::SkillNeed { drop_after: Some(span(0)), ..need("french", 1) }]),
            &["skills[0].drop_after"],
        ),
        (
            skills(vec![pb::SkillNeed {
                drop_after: Some(span(9)),
                mode: prefer,
                ..need("french", 1)
            }]),
            &["skills[0].drop_after"],
        ),
        (preferred("ann", None), &["preferred_agent.wait"]),
        (
            preferred("", Some(span(8 * 86_400))),
            &["preferred_agent.agent_id", "preferred_agent.wait"],
        ),
        (excluded(&["a b"]), &["excluded_agent_ids[0]"]),
        (excluded(&["ann", "ann"]), &["excluded_agent_ids[1]"]),
        (excluded(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]), &["excluded_agent_ids"]),
        (
            pb::SubmitTicketRequest { only_agent_id: "ann".into(), ..excluded(&["ann"]) },
            &["only_agent_id"],
        ),
        (
            pb::SubmitTicketRequest {
                only_agent_id: "bob".into(),
                ..preferred("ann", Some(span(9)))
            },
            &["preferred_agent"],
        ),
        (pb::SubmitTicketRequest { only_agent_id: "nobody".into(), ..good() }, &["only_agent_id"]),
    ] {
        let refused = server.intake().submit_ticket(request).await.unwrap_err();
        assert_eq!(told(&refused), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
        assert_eq!(violated(&refused), fields, "{refused}");
    }
    let unknown = server.intake().submit_ticket(skills(vec![need("martian", 2)])).await;
    let message = unknown.unwrap_err().message().to_owned();
    assert!(message.contains(r#"no skill "martian"; it has french, trainee"#), "{message}");
}

fn violated(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let request = details.bad_request().expect("it names fields");
    request.field_violations.iter().map(|violation| violation.field.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_tells_its_skills_steps_and_choices() {
    let policy = POLICY
        .replace(
            r#"pools = ["general"] }]"#,
            r#"pools = ["general"], lower_levels = 2, drop_skills = ["trainee"] }]"#,
        )
        .replace("name = \"desk\"", "name = \"desk\"\nchoice = \"round-robin\"");
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    let answer = server.admin().get_policy(pb::GetPolicyRequest {}).await.unwrap();
    let policy = answer.into_inner().policy.unwrap();
    assert_eq!(policy.skills, ["french", "trainee"]);
    let step = &policy.tiers[0].route[1];
    assert_eq!((step.lower_levels, &step.drop_skills[..]), (2, &["trainee".to_owned()][..]));
    let choices: Vec<_> = policy.pools.iter().map(|pool| pool.choice.as_str()).collect();
    assert_eq!(choices, ["least-loaded", "least-loaded", "round-robin"]);
}
