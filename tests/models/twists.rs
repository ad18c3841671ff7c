// 일부러 틀리게 고친 것들. `tests/twists.rs`가 하나하나 잡히는지 확인합니다.
const TWISTS: &[Twist] = &[
    Twist {
        name: "두 번째로 살펴보지 않고 잠든다",
        file: "wait.rs",
        changes: &[("check().transpose();", "if ON { None } else { check().transpose() };")],
    },
    Twist {
        name: "기다린다는 표시를 교환하지 않고 저장한다",
        file: "wait.rs",
        changes: &[(
            "let more = self.unheard.swap(0, SeqCst) > 1;",
            "let more = if ON { let before = self.unheard.load(SeqCst); self.unheard.store(0, SeqCst); before } else { self.unheard.swap(0, SeqCst) } > 1;",
        )],
    },
    Twist {
        name: "기다리는 쪽이 있는지 교환하지 않고 읽는다",
        file: "wait.rs",
        changes: &[(
            "if self.unheard.fetch_add(1, SeqCst) == 0 {",
            "if (if ON { let before = self.unheard.load(SeqCst); self.unheard.store(before + 1, SeqCst); before } else { self.unheard.fetch_add(1, SeqCst) }) == 0 {",
        )],
    },
    Twist {
        name: "깨어난 쪽이 다음을 깨우지 않는다",
        file: "wait.rs",
        changes: &[("self.pass_on();", "if !ON { self.pass_on(); }")],
    },
    Twist {
        name: "깨우기 전에 값을 바꾸지 않는다",
        file: "wait.rs",
        changes: &[(
            "self.count.fetch_add(1, SeqCst);",
            "if !ON { self.count.fetch_add(1, SeqCst); }",
        )],
    },
    Twist {
        name: "살펴본 뒤의 값으로 잠든다",
        file: "wait.rs",
        changes: &[
            ("let seen = self.count.load(SeqCst);\n            //", "let mut seen = self.count.load(SeqCst);\n            //"),
            (
                "if outcome.is_some() || expired(deadline) {",
                "if ON { seen = self.count.load(SeqCst); }\n            if outcome.is_some() || expired(deadline) {",
            ),
        ],
    },
    Twist {
        name: "비었다고 Relaxed로 적는다",
        file: "mutex.rs",
        changes: &[(
            "self.holder.store(0, Release);",
            "self.holder.store(0, if ON { Relaxed } else { Release });",
        )],
    },
    Twist {
        name: "비었는지 Relaxed로 본다",
        file: "mutex.rs",
        changes: &[("self.holder.load(Acquire)", "self.holder.load(if ON { Relaxed } else { Acquire })")],
    },
    Twist {
        name: "위치를 Relaxed로 옮긴다",
        file: "ring.rs",
        changes: &[("<< 32, Release);", "<< 32, if ON { Relaxed } else { Release });")],
    },
    Twist {
        name: "내용보다 위치를 먼저 옮긴다",
        file: "ring.rs",
        changes: &[
            (
                "let (head, tail) = self.slots_from(put, needed);",
                "if ON { self.shared.put.advance(put, needed as u32); }\n        let (head, tail) = self.slots_from(put, needed);",
            ),
            (
                "        self.shared.put.advance(put, needed as u32);\n    }",
                "        if !ON { self.shared.put.advance(put, needed as u32); }\n    }",
            ),
        ],
    },
    Twist {
        name: "차례를 지키지 않고 꺼낸다",
        file: "ring.rs",
        changes: &[(
            "let turn = self.shared.get.turn.lock(deadline)?;",
            "let turn = if ON { None } else { Some(self.shared.get.turn.lock(deadline)?) };",
        )],
    },
    Twist {
        name: "차례를 지키지 않고 넣는다",
        file: "ring.rs",
        changes: &[(
            "let turn = self.shared.put.turn.lock(deadline)?;",
            "let turn = if ON { None } else { Some(self.shared.put.turn.lock(deadline)?) };",
        )],
    },
    Twist {
        name: "넣기 전에 알린다",
        file: "ring.rs",
        changes: &[(
            "self.write(bytes, needed);\n        drop(turn);\n        self.shared.put.progress.moved.notify_one();\n        Ok(())\n    }\n\n    /// 지금",
            "if ON { self.shared.put.progress.moved.notify_one(); }\n        self.write(bytes, needed);\n        drop(turn);\n        if !ON { self.shared.put.progress.moved.notify_one(); }\n        Ok(())\n    }\n\n    /// 지금",
        )],
    },
    Twist {
        name: "꺼낸 뒤에 알리지 않는다",
        file: "ring.rs",
        changes: &[(
            "        self.shared.get.progress.moved.notify_one();\n",
            "        if !ON { self.shared.get.progress.moved.notify_one(); }\n",
        )],
    },
    Twist {
        name: "차례를 얻기 전에 닫는다",
        file: "ring.rs",
        changes: &[(
            "self.shared.closing.store(1, Release);",
            "if ON { self.shared.closed.store(1, Release); }\n        self.shared.closing.store(1, Release);",
        )],
    },
    Twist {
        name: "공간을 기다리는 쪽에 닫힌다고 알리지 않는다",
        file: "ring.rs",
        changes: &[(
            "self.shared.get.progress.moved.notify_all();",
            "if !ON { self.shared.get.progress.moved.notify_all(); }",
        )],
    },
    Twist {
        name: "꺼내는 쪽에 닫혔다고 알리지 않는다",
        file: "ring.rs",
        changes: &[(
            "self.shared.put.progress.moved.notify_all();",
            "if !ON { self.shared.put.progress.moved.notify_all(); }",
        )],
    },
    Twist {
        name: "반대쪽의 위치를 느슨하게 본다",
        file: "ring.rs",
        changes: &[(
            "let packed = other.progress.position.load(Acquire);",
            "let packed = other.progress.position.load(if ON { Relaxed } else { Acquire });",
        )],
    },
    Twist {
        name: "닫혔는지를 나중에 본다",
        file: "queue.rs",
        changes: &[
            ("let closed = self.ring.is_closed();", "let mut closed = self.ring.is_closed();"),
            ("if closed { Err(", "if ON { closed = self.ring.is_closed(); }\n        if closed { Err("),
        ],
    },
    Twist {
        name: "꺼낸 다음에 손을 쥔다",
        file: "joinable.rs",
        changes: &[
            (
                "let hand = self.take_hand()?;",
                "let mut hand = if ON { None } else { Some(self.take_hand()?) };",
            ),
            (
                "return Ok(Some(hand));\n            }",
                "if ON { hand = Some(self.take_hand()?); }\n                return Ok(hand);\n            }",
            ),
        ],
    },
    Twist {
        name: "그 사이 바뀐 수를 믿는다",
        file: "joinable.rs",
        changes: &[("count @ 1.. if steady =>", "count @ 1.. if steady || ON =>")],
    },
    Twist {
        name: "일을 놓고 알리지 않는다",
        file: "joinable.rs",
        changes: &[(
            "self.desk.released.notify_all();",
            "if !ON { self.desk.released.notify_all(); }",
        )],
    },
    Twist {
        name: "표지를 교환하지 않고 적는다",
        file: "board.rs",
        changes: &[(
            "if word.compare_exchange(found, claim(seq, who), AcqRel, Relaxed).is_ok() {",
            "if ON { word.store(claim(seq, who), Release); return Some((place, seq)); }\n            if word.compare_exchange(found, claim(seq, who), AcqRel, Relaxed).is_ok() {",
        )],
    },
    Twist {
        name: "떼어 낼 때 교환하지 않고 지운다",
        file: "board.rs",
        changes: &[(
            "claims.compare_exchange(claim(seq, 0), 0, AcqRel, Relaxed).is_ok()",
            "if ON { let free = claims.load(Acquire) == claim(seq, 0); if free { claims.store(0, Release); } free }\n        else { claims.compare_exchange(claim(seq, 0), 0, AcqRel, Relaxed).is_ok() }",
        )],
    },
    Twist {
        name: "게시글보다 표지를 먼저 붙인다",
        file: "board.rs",
        changes: &[(
            "let head = [seq, post.run, u64::from(post.skip)",
            "if ON { self.claims.tail()[place].store(claim(seq, 0), Release); }\n        let head = [seq, post.run, u64::from(post.skip)",
        )],
    },
    Twist {
        name: "표지를 Relaxed로 붙인다",
        file: "board.rs",
        changes: &[(
            "self.claims.tail()[place].store(claim(seq, 0), Release);\n        self",
            "self.claims.tail()[place].store(claim(seq, 0), if ON { Relaxed } else { Release });\n        self",
        )],
    },
    Twist {
        name: "붙이고 알리지 않는다",
        file: "board.rs",
        changes: &[("self.claims.posted.notify_one();", "if !ON { self.claims.posted.notify_one(); }")],
    },
    Twist {
        name: "게시판이 닫혔는지를 나중에 본다",
        file: "board.rs",
        changes: &[
            ("let closed = self.posts.load(CLOSED, SeqCst) != 0;", "let mut closed = self.posts.load(CLOSED, SeqCst) != 0;"),
            (
                "let taken = self.take_now(who).map(Some);",
                "let taken = self.take_now(who).map(Some);\n            if ON { closed = self.posts.load(CLOSED, SeqCst) != 0; }",
            ),
        ],
    },
    Twist {
        name: "기록의 끝을 Relaxed로 옮긴다",
        file: "board.rs",
        changes: &[(
            "desk.written.store(end, Release);",
            "desk.written.store(end, if ON { Relaxed } else { Release });",
        )],
    },
    Twist {
        name: "기록을 쓰기 전에 끝을 옮긴다",
        file: "board.rs",
        changes: &[(
            "put(start, head.pack());",
            "if ON { desk.written.store(end, Release); }\n    put(start, head.pack());",
        )],
    },
    Twist {
        name: "책상을 읽고 알리지 않는다",
        file: "board.rs",
        changes: &[("desk.room.notify_one();", "if !ON { desk.room.notify_one(); }")],
    },
    Twist {
        name: "부모가 자는지 본 뒤에 책상에 볼 것이 있다고 적는다",
        file: "board.rs",
        changes: &[
            (
                "self.claims.news.fetch_or(",
                "if ON { let asleep = self.claims.parent_asleep.swap(0, SeqCst); self.claims.news.fetch_or(bit(who), SeqCst); return asleep == 1; }\n        self.claims.news.fetch_or(",
            ),
        ],
    },
    Twist {
        name: "책상에 볼 것이 있다고 Relaxed로 적는다",
        file: "board.rs",
        changes: &[(
            "(bit(who), AcqRel)",
            "(bit(who), if ON { Relaxed } else { AcqRel })",
        )],
    },
    Twist {
        name: "책상에 볼 것이 있는지 Relaxed로 본다",
        file: "board.rs",
        changes: &[(
            "news.swap(0, AcqRel)",
            "news.swap(0, if ON { Relaxed } else { AcqRel })",
        )],
    },
    Twist {
        name: "책상에 볼 것이 있다는 표시를 교환하지 않고 지운다",
        file: "board.rs",
        changes: &[(
            "News(self.claims.news",
            "if ON { let told = self.claims.news.load(SeqCst); self.claims.news.store(0, SeqCst); return News(told); }\n        News(self.claims.news",
        )],
    },
];
