//! 큐를 쓰던 프로세스가 죽는 사례.

mod delivery;
mod producers;
mod readers;

use crate::torture::{Case, Control};

pub fn cases() -> Vec<Case> {
    vec![
        Case {
            number: 9,
            name: "producer_killed",
            promise: "생산자 넷 가운데 하나가 죽어도 나머지의 항목은 모두 차례대로 오고, 죽은 쪽의 항목은 앞에서부터 온전하게 옵니다",
            short: 6,
            long: 300,
            round: producers::round,
            control: Some(Control {
                name: "길이를 앞에 적는 맨 파이프",
                round: producers::bare_pipe,
            }),
        },
        Case {
            number: 10,
            name: "reader_killed_inside_get",
            promise: "get 안에서 소비자가 죽어도 나머지는 이어서 꺼내고, 잃는 것은 기껏해야 꺼내던 하나입니다",
            short: 5,
            long: 100,
            round: readers::round,
            control: Some(Control {
                name: "sem_t로 지키는 맨 파이프", round: readers::sem_t
            }),
        },
        Case {
            number: 11,
            name: "put_returned_then_died",
            promise: "put이 반환되었다면, 넣은 프로세스가 바로 죽어도 항목은 옵니다",
            short: 20,
            long: 500,
            round: delivery::round,
            control: Some(Control {
                name: "보조 스레드가 나르는 큐",
                round: delivery::feeder_thread,
            }),
        },
    ]
}
