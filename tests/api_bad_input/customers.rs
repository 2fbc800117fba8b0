//! Calls about customers, and their import.

use super::server::{TestServer, identifier};
use super::{Table, pairs, pb};
use std::collections::BTreeMap;
use tokio_stream::StreamExt as _;
use tonic::Response;

/// Customers with one fault, and the field at fault.
fn faulty_customers() -> Vec<(pb::Customer, &'static str)> {
    let good =
        || pb::Customer { customer_id: "C-1".into(), tier: "silver".into(), ..Default::default() };
    let known = |identifiers| pb::Customer { identifiers, ..good() };
    let card = identifier(pb::IdentifierKind::Card, "4000");
    let one = |key: String, value: String| pb::Customer {
        attributes: BTreeMap::from([(key, value)]),
        ..good()
    };
    vec![
        (pb::Customer { customer_id: String::new(), ..good() }, "customer.customer_id"),
        (pb::Customer { customer_id: "  ".into(), ..good() }, "customer.customer_id"),
        (pb::Customer { customer_id: "x".repeat(129), ..good() }, "customer.customer_id"),
        (pb::Customer { customer_id: "a\0b".into(), ..good() }, "customer.customer_id"),
        (pb::Customer { tier: "x".repeat(65), ..good() }, "customer.tier"),
        (pb::Customer { name: "x".repeat(257), ..good() }, "customer.name"),
        (pb::Customer { name: "a\nb".into(), ..good() }, "customer.name"),
        (
            known(vec![card.clone(), identifier(pb::IdentifierKind::Id, "C-2")]),
            "customer.identifiers[1].kind",
        ),
        (
            known(vec![pb::CustomerIdentifier { kind: 9, value: "x".into() }]),
            "customer.identifiers[0].kind",
        ),
        (known(vec![identifier(pb::IdentifierKind::Phone, "-")]), "customer.identifiers[0].value"),
        (known(vec![card; 33]), "customer.identifiers"),
        (pb::Customer { attributes: pairs(65, "k", ""), ..good() }, "customer.attributes"),
        (one(String::new(), String::new()), r#"customer.attributes[""]"#),
        (one("k".into(), "x".repeat(1025)), r#"customer.attributes["k"]"#),
        (one("k".into(), "a\nb".into()), r#"customer.attributes["k"]"#),
        (one("standing".into(), "farewell".into()), r#"customer.attributes["standing"]"#),
    ]
}

async fn farewells(server: &TestServer, table: &mut Table) {
    let good = || pb::ProposeFarewellRequest {
        customer_id: "C-9".into(),
        by: "kim".into(),
        agent_id: "ann".into(),
        transition_date: "2199-03-31".into(),
        reason: "it costs more than it brings".into(),
    };
    let on = |date: &str| pb::ProposeFarewellRequest { transition_date: date.into(), ..good() };
    let long = || "x".repeat(201);
    let all = &["customer_id", "by", "agent_id", "transition_date", "reason"][..];
    for (request, fields) in [
        (pb::ProposeFarewellRequest::default(), all),
        (pb::ProposeFarewellRequest { customer_id: " ".into(), ..good() }, &["customer_id"]),
        (pb::ProposeFarewellRequest { by: " \t".into(), ..good() }, &["by"]),
        (pb::ProposeFarewellRequest { by: "x".repeat(65), ..good() }, &["by"]),
        (pb::ProposeFarewellRequest { by: "a\nb".into(), ..good() }, &["by"]),
        (pb::ProposeFarewellRequest { agent_id: "a b".into(), ..good() }, &["agent_id"]),
        (pb::ProposeFarewellRequest { reason: long(), ..good() }, &["reason"]),
        (on("31.03.2199"), &["transition_date"]),
        (on("2199-02-29"), &["transition_date"]),
        (on("2199"), &["transition_date"]),
        (on("2001-01-01"), &["transition_date"]),
        (on(&long()), &["transition_date"]),
    ] {
        let mut client = server.admin();
        table.invalid("ProposeFarewell", client.propose_farewell(request), fields).await;
    }
    for (customer_id, by, fields) in [
        ("", "", &["customer_id", "by"][..]),
        ("C-9", " ", &["by"]),
        ("C-9", &long()[..65], &["by"]),
        ("C-9", "a\0", &["by"]),
        (" ", "kim", &["customer_id"]),
    ] {
        let (customer_id, by) = (customer_id.to_owned(), by.to_owned());
        let request = pb::ConfirmFarewellRequest {
            customer_id: customer_id.clone(),
            by: by.clone(),
            ..Default::default()
        };
        let mut client = server.admin();
        table.invalid("ConfirmFarewell", client.confirm_farewell(request), fields).await;
        let request = pb::WithdrawFarewellRequest { customer_id, by };
        table.invalid("WithdrawFarewell", client.withdraw_farewell(request), fields).await;
    }
    let (customer_id, by) = ("C-9".to_owned(), "kim".to_owned());
    let none = "CUSTOMER_NOT_FOUND";
    let request = pb::ConfirmFarewellRequest {
        customer_id: customer_id.clone(),
        by: by.clone(),
        ..Default::default()
    };
    let mut client = server.admin();
    table.not_found("ConfirmFarewell", client.confirm_farewell(request), none).await;
    let request = pb::WithdrawFarewellRequest { customer_id, by };
    table.not_found("WithdrawFarewell", client.withdraw_farewell(request), none).await;
}

pub(super) async fn customers(server: &TestServer, table: &mut Table) {
    let request = pb::PutCustomerRequest { customer: None };
    table.invalid("PutCustomer", server.admin().put_customer(request), &["customer"]).await;
    for (customer, field) in faulty_customers() {
        let request = pb::PutCustomerRequest { customer: Some(customer) };
        table.invalid("PutCustomer", server.admin().put_customer(request), &[field]).await;
    }
    for (identifier, fields) in [
        (None, &["identifier"][..]),
        (Some(pb::CustomerIdentifier::default()), &["identifier.kind", "identifier.value"]),
        (Some(identifier(pb::IdentifierKind::Id, "")), &["identifier.value"]),
        (Some(identifier(pb::IdentifierKind::Id, &"x".repeat(129))), &["identifier.value"]),
        (Some(pb::CustomerIdentifier { kind: 77, value: "x".into() }), &["identifier.kind"]),
    ] {
        let request = pb::GetCustomerRequest { identifier };
        table.invalid("GetCustomer", server.admin().get_customer(request), fields).await;
    }
    for customer_id in [String::new(), " ".into(), "x".repeat(129), "a\0".into()] {
        let request = pb::DeleteCustomerRequest { customer_id };
        let mut client = server.admin();
        let asked = client.delete_customer(request);
        table.invalid("DeleteCustomer", asked, &["customer_id"]).await;
    }
    let none = "CUSTOMER_NOT_FOUND";
    let request =
        pb::GetCustomerRequest { identifier: Some(identifier(pb::IdentifierKind::Card, "C-1")) };
    table.not_found("GetCustomer", server.admin().get_customer(request), none).await;
    let request = pb::DeleteCustomerRequest { customer_id: "C-9".into() };
    table.not_found("DeleteCustomer", server.admin().delete_customer(request), none).await;
    farewells(server, table).await;
    for (page_size, page_token, field) in
        [(501, String::new(), "page_size"), (1, "x".repeat(129), "page_token")]
    {
        let request = pb::ListCustomersRequest { page_size, page_token };
        table.invalid("ListCustomers", server.admin().list_customers(request), &[field]).await;
    }
    let plan = |first_day: &str, day_count, create| pb::PlanContactsRequest {
        first_day: first_day.into(),
        day_count,
        create,
    };
    for (request, field) in [
        (plan("22.11.2026", 1, false), "first_day"),
        (plan("2026-02-30", 1, false), "first_day"),
        (plan("", 367, false), "day_count"),
        (plan("", 2, true), "create"),
        (plan("2020-01-01", 1, true), "create"),
    ] {
        table.invalid("PlanContacts", server.admin().plan_contacts(request), &[field]).await;
    }
    let request = pb::ListRepeatContactsRequest { page_size: 501 };
    let mut agents = server.agent();
    for (of, field) in
        [(None, "of"), (Some(pb::get_customer_card_request::Of::TicketId("?".into())), "ticket_id")]
    {
        let request = pb::GetCustomerCardRequest { of };
        table.invalid("GetCustomerCard", agents.get_customer_card(request), &[field]).await;
    }
    let mut ops = server.ops();
    table.invalid("ListRepeatContacts", ops.list_repeat_contacts(request), &["page_size"]).await;
    let instant = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let cases = [
        (pb::ReportCostsRequest { page_size: 501, ..Default::default() }, "page_size"),
        (pb::ReportCostsRequest { from: instant(i64::MAX), ..Default::default() }, "from"),
        (pb::ReportCostsRequest { to: instant(i64::MAX), ..Default::default() }, "to"),
        (pb::ReportCostsRequest { from: instant(9), to: instant(9), page_size: 0 }, "from"),
    ];
    for (request, field) in cases {
        table.invalid("ReportCosts", ops.report_costs(request), &[field]).await;
    }
    import(server, table).await;
}

async fn import(server: &TestServer, table: &mut Table) {
    let mut rows = vec![pb::ImportRow { line: 0, customer: None }];
    let mut expected = vec!["customer"];
    for (line, (customer, field)) in (1..).zip(faulty_customers()) {
        rows.push(pb::ImportRow { line, customer: Some(customer) });
        expected.push(field);
    }
    let batch = pb::ImportCustomersRequest { rows, with_farewells: false };
    let answers = server.admin().import_customers(tokio_stream::once(batch)).await;
    let answers: Vec<_> = answers.expect("a stream").into_inner().collect().await;
    let [Ok(answer)] = &answers[..] else { panic!("one answer a batch: {answers:?}") };
    assert_eq!((answer.stored_count, answer.refused_count), (0, expected.len() as u64));
    for fault in &answer.faults {
        let field = expected[usize::try_from(fault.line).expect("it is small")];
        table.told("ImportCustomers", fault.error.as_ref(), field);
    }
    let row = pb::ImportRow { line: 1, customer: None };
    for rows in [vec![], vec![row; 501]] {
        let batch = pb::ImportCustomersRequest { rows, with_farewells: false };
        let answers = server.admin().import_customers(tokio_stream::once(batch)).await;
        let mut answers = answers.expect("a stream").into_inner();
        let asked = async { answers.message().await.map(Response::new) };
        table.invalid("ImportCustomers", asked, &["rows"]).await;
    }
}
