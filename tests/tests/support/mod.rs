//! Two people who only want to write, while somebody else in their room or beside it misbehaves.

use collab_proto::ClientId;
use collab_tests::person::Person;
use collab_tests::server::TestServer;

/// Two people in a room.
pub struct Honest {
    ada: Person,
    bob: Person,
    rounds: usize,
    /// The token of the room's owner.
    #[allow(dead_code, reason = "not every test rules the room")]
    pub owner_token: String,
}

impl Honest {
    /// Makes the room and enters it.
    pub async fn enter(server: &TestServer, room: &str) -> Self {
        let owner_token = server.room(room).await.owner_token;
        let ada = Person::join(server, room, "Ada").await;
        let bob = Person::join(server, room, "Bob").await;
        Self { ada, bob, rounds: 0, owner_token }
    }

    /// Both write a word, both see both, and both are saved: in one connection, with nothing refused, and equal texts.
    pub async fn go_on(&mut self) {
        self.rounds += 1;
        let (from_ada, from_bob) = (format!("[ada {}]", self.rounds), format!("[bob {}]", self.rounds));
        self.ada.splice(0, 0, &from_ada).await;
        self.bob.type_text(&from_bob).await;
        self.ada.wait_for(&from_bob).await;
        self.bob.wait_for(&from_ada).await;
        self.ada.wait_saved().await;
        self.bob.wait_saved().await;
        let text = self.text();
        self.bob.wait_text(&text).await;
        for person in [&self.ada, &self.bob] {
            let seen = person.seen();
            assert_eq!((seen.entered, seen.rejected.len(), seen.refused.len()), (1, 0, 0), "{seen:#?}");
        }
        for round in 1..=self.rounds {
            assert_eq!(text.matches(&format!("[ada {round}]")).count(), 1, "{text}");
            assert_eq!(text.matches(&format!("[bob {round}]")).count(), 1, "{text}");
        }
    }

    /// The text.
    pub fn text(&self) -> String {
        self.ada.text()
    }

    /// Under which id the first of them writes.
    #[allow(dead_code, reason = "not every test forges")]
    pub async fn client_id(&mut self) -> ClientId {
        self.ada.act(|driver| driver.client().config().client_id).await
    }
}
