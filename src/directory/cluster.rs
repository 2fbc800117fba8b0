//! Which masters a Redis cluster has.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisResult, Value, cmd,
};
use tokio::time::timeout;

/// Longest one node is asked.
const ASK_MAX: Duration = Duration::from_secs(1);

/// The masters that serve slots, by address, as the first of these nodes that answers knows them.
pub(super) async fn masters(nodes: &[ConnectionInfo]) -> Option<BTreeMap<String, ConnectionInfo>> {
    for node in nodes {
        if let Ok(Ok(slots)) = timeout(ASK_MAX, slots(node)).await {
            let masters = read(&slots, node);
            if !masters.is_empty() {
                return Some(masters);
            }
        }
    }
    None
}

async fn slots(node: &ConnectionInfo) -> RedisResult<Value> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ASK_MAX))
        .set_response_timeout(Some(ASK_MAX));
    let client = Client::open(node.clone())?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await
}

/// Reads what CLUSTER SLOTS said: ranges of slots, each with its master first. What is not understood
/// is left out. The nodes want the same user as the one that was asked.
fn read(slots: &Value, asked: &ConnectionInfo) -> BTreeMap<String, ConnectionInfo> {
    let Value::Array(ranges) = slots else {
        return BTreeMap::new();
    };
    let master = |range: &Value| {
        let Value::Array(parts) = range else { return None };
        let Some(Value::Array(node)) = parts.get(2) else { return None };
        let port = match node.get(1)? {
            Value::Int(port) => u16::try_from(*port).ok()?,
            _ => return None,
        };
        let host = match node.first()? {
            Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
            Value::SimpleString(host) => host.clone(),
            _ => String::new(),
        };
        // A node that does not know its own name, or one of unknown name, is where we asked.
        let host = match (host.as_str(), asked.addr()) {
            ("" | "?", ConnectionAddr::Tcp(asked, _)) => asked.clone(),
            _ => host,
        };
        let address = ConnectionAddr::Tcp(host, port);
        Some((address.to_string(), asked.clone().set_addr(address)))
    };
    ranges.iter().filter_map(master).collect()
}

#[cfg(test)]
mod tests {
    use redis::IntoConnectionInfo as _;

    use super::*;

    #[test]
    fn masters_are_read_once_each_with_the_user_of_the_node_that_was_asked() {
        let asked = "redis://me:pw@10.0.0.1:7000".into_connection_info().unwrap();
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host: Value, port| Value::Array(vec![host, Value::Int(port), text("id")]);
        let range = |first, master: Value| {
            let replica = node(text("10.0.0.9"), 9);
            Value::Array(vec![Value::Int(first), Value::Int(first + 9), master, replica])
        };
        let slots = Value::Array(vec![
            range(0, node(text("10.0.0.2"), 7001)),
            range(10, node(text("10.0.0.2"), 7001)),
            range(20, node(text(""), 7002)),
            range(30, node(Value::Nil, 7003)),
            Value::Int(7),
        ]);
        let masters = read(&slots, &asked);
        let addresses: Vec<_> = masters.keys().map(String::as_str).collect();
        assert_eq!(addresses, ["10.0.0.1:7002", "10.0.0.1:7003", "10.0.0.2:7001"]);
        assert!(masters.values().all(|node| node.redis_settings().username() == Some("me")));
        assert!(read(&Value::Nil, &asked).is_empty());
    }
}
