//! 파이프의 한쪽이 죽거나, 엉뚱한 것이 들어오는 사례.

mod deaths;
mod end;
mod malformed;

use crate::torture::{Case, Control};

pub fn cases() -> Vec<Case> {
    vec![
        Case {
            number: 13,
            name: "receiver_killed_during_send",
            promise: "64MiB를 보내는 동안 받는 쪽이 죽으면 1초 안에 에러가 되고, 보내던 쪽은 그대로 쓸 수 있습니다",
            short: 4,
            long: 100,
            round: deaths::round,
            control: Some(Control { name: "ipc-channel의 send", round: deaths::ipc_channel }),
        },
        Case {
            number: 14,
            name: "end_of_file",
            promise: "마지막 송신자가 끝나거나 죽으면, 앞뒤로 태어난 형제가 있어도 100ms 안에 끝이 옵니다",
            short: 10,
            long: 100,
            round: end::round,
            control: Some(Control { name: "물려받는 맨 파이프", round: end::inherited }),
        },
        Case {
            number: 20,
            name: "malformed_frames",
            promise: "엉뚱한 프레임과 다른 타입은 에러가 될 뿐, 패닉하거나 멈추거나 새지 않습니다",
            short: 5,
            long: 100,
            round: malformed::round,
            control: Some(Control { name: "ipc-channel의 recv", round: malformed::ipc_channel }),
        },
    ]
}
