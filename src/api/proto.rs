//! The messages, clients and servers that `build.rs` generates from `proto/tierline/v1`.
//!
//! `bytes` fields are [`bytes::Bytes`], maps are `BTreeMap`, times are `prost_types::Timestamp` and `Duration`.

use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};

/// Package `tierline.v1`. Its documentation is that of the `.proto` files.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::redundant_clone,
    clippy::unwrap_used,
    clippy::use_self,
    unreachable_pub,
    rust_2018_idioms,
    reason = "generated code has a style of its own, and which lints it meets differs between generator versions"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/tierline.v1.rs"));
}

/// The contract as an encoded `google.protobuf.FileDescriptorSet`, with everything it imports: what the reflection
/// service answers from.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/tierline_descriptor.bin"));

/// Every method there is, as `package.Service/Method`; health checks are the standard ones.
pub fn methods() -> Vec<String> {
    let contracts = [FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];
    let mut names = Vec::new();
    for contract in contracts {
        let contract = FileDescriptorSet::decode(contract).expect("build.rs encoded it");
        for file in &contract.file {
            for service in &file.service {
                let name = |method: &MethodDescriptorProto| {
                    format!("{}.{}/{}", file.package(), service.name(), method.name())
                };
                names.extend(service.method.iter().map(name));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn contract() -> FileDescriptorSet {
        FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("build.rs encoded it")
    }

    #[test]
    fn the_contract_has_the_four_services_and_no_record_of_the_journal() {
        let set = contract();
        let services: BTreeSet<_> = set
            .file
            .iter()
            .flat_map(|file| &file.service)
            .map(prost_types::ServiceDescriptorProto::name)
            .collect();
        assert_eq!(
            services,
            BTreeSet::from(["AdminService", "AgentService", "IntakeService", "OpsService"])
        );
        let packages: BTreeSet<_> =
            set.file.iter().map(prost_types::FileDescriptorProto::package).collect();
        assert_eq!(packages, BTreeSet::from(["google.protobuf", "tierline.v1"]));
    }

    #[test]
    fn everything_the_contract_imports_comes_before_it() {
        let mut seen = BTreeSet::new();
        for file in &contract().file {
            for import in &file.dependency {
                assert!(seen.contains(import), "{} misses {import}", file.name());
            }
            seen.insert(file.name().to_owned());
        }
    }
}
