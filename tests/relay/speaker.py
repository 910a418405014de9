"""An agent that a test leads step by step: it says what it is told to, signed as it should be."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, replace
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent import wire


class Speaker:
    def __init__(self, url: str, agent: str, *, boot: str = "") -> None:
        self.url, self.agent = url, agent
        self.row: Any = None  # of the database, where a test needs it
        self.private = Ed25519PrivateKey.generate()
        self.state = wire.State(
            version="1.0",
            boot=boot or secrets.token_hex(4),
            clock=0,
            free=2,
            host="gp01",
            system="Windows Server 2019",
            targets=[
                {
                    "url": "https://gp.local/",
                    "sign_in": "windows",
                    "certificate_until": "2027-01-31",
                }
            ],
            round_trip_ms=12,
        )
        self.http = requests.Session()
        self.http.trust_env = False

    @classmethod
    def enrolled(cls, url: str, token: str, **more: Any) -> Speaker:
        speaker = cls(url, token.partition(".")[0], **more)
        answer = speaker.enroll(token)
        assert answer.status_code == 200, answer.text
        return speaker

    @property
    def public(self) -> str:
        return public_of(self.private)

    def enroll(self, token: str, **more: Any) -> requests.Response:
        said = wire.Enrolment(token=token, public_key=self.public, version="1.0", host="gp01")
        return self.say(wire.ENROLL, replace(said, **more).to_json())

    def say(
        self,
        path: str,
        body: bytes = b"",
        *,
        created: float | None = None,
        nonce: str = "",
        signer: Ed25519PrivateKey | None = None,
        agent: str = "",
        timeout: float = 60,
    ) -> requests.Response:
        signed = wire.Signed(
            int(time.time() if created is None else created),
            nonce or secrets.token_urlsafe(18),
            agent or self.agent,
        )
        signature = (signer or self.private).sign(signed.base("POST", path, body))
        return self.http.post(
            self.url + path, data=body, headers=signed.headers(signature, body), timeout=timeout
        )

    def poll(self, *, timeout: float = 60, **more: Any) -> requests.Response:
        return self.say(wire.POLL, self.said(**more), timeout=timeout)

    def said(self, **more: Any) -> bytes:
        return replace(self.state, **{"clock": time.time(), **more}).to_json()

    def take(self, **more: Any) -> wire.Job:
        """One poll that must bring exactly one job."""
        answer = self.poll(**more)
        assert answer.status_code == 200, answer.text
        (job,) = wire.Work.from_json(answer.content).read()
        return job

    def begin(self, job: wire.Job) -> int:
        return self.say(wire.job_path(job.id, wire.BEGIN)).status_code

    def part(
        self, job: wire.Job, number: int, data: bytes, *, last: bool, status: int = 200
    ) -> requests.Response:
        head = wire.Head(status, "OK", [["Content-Type", "text/plain"]], 7) if number == 0 else None
        return self.say(
            wire.job_path(job.id, wire.ANSWER), wire.Part(number, data, last, head).pack()
        )

    def answer(self, job: wire.Job, data: bytes = b"done", status: int = 200) -> int:
        return self.part(job, 0, data, last=True, status=status).status_code

    def trouble(self, job: wire.Job, code: str, *, sent: bool, words: str = "why") -> int:
        said = wire.Trouble(code, words, sent)
        return self.say(wire.job_path(job.id, wire.TROUBLE), said.to_json()).status_code

    def leave(self) -> int:
        return self.say(wire.LEAVE, self.said()).status_code


def public_of(private: Ed25519PrivateKey) -> str:
    return wire.base64_of(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def refusal(answer: requests.Response) -> dict[str, Any]:
    return asdict(wire.Refusal.from_json(answer.content))
