//! 한도에 닿거나, 시그널이 쏟아지거나, 오래 되풀이하는 사례.

mod deadlines;
mod flat;
mod shortage;
mod signals;

use crate::torture::{Case, Control};

pub fn cases() -> Vec<Case> {
    vec![
        Case {
            number: 12,
            name: "deadlines",
            promise: "상대가 멈춰 있든 쉬지 않고 보내든 시그널이 쏟아지든, 모든 제한 시간은 100ms 안에서 지켜집니다",
            short: 4,
            long: 40,
            round: deadlines::round,
            control: Some(Control {
                name: "ipc-channel의 try_recv_timeout",
                round: deadlines::ipc_channel,
            }),
        },
        Case {
            number: 19,
            name: "shortage",
            promise: "디스크립터, 프로세스, 메모리, 임시 파일을 얻을 수 없으면 에러가 되거나 그대로 되며, 패닉하거나 멈추거나 새지 않습니다",
            short: 12,
            long: 164,
            round: shortage::round,
            control: Some(Control {
                name: "ipc-channel의 IpcSharedMemory",
                round: shortage::ipc_channel,
            }),
        },
        Case {
            number: 21,
            name: "signals",
            promise: "시그널이 쉴 새 없이 와도 send, recv, acquire, get, join은 아무 일 없다는 듯 일합니다",
            short: 5,
            long: 50,
            round: signals::round,
            control: Some(Control {
                name: "ipc-channel의 try_recv_timeout",
                round: signals::ipc_channel,
            }),
        },
        Case {
            number: 22,
            name: "flat",
            promise: "만들고 버리기를 오래 되풀이해도 디스크립터, 스레드, 좀비, 매핑, 메모리가 늘지 않습니다",
            short: 1,
            long: 1,
            round: flat::round,
            control: Some(Control { name: "ipc-channel의 connect", round: flat::ipc_channel }),
        },
    ]
}
