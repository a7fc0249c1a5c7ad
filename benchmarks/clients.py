"""Simulated browsers: they speak Streamlit's protocol with the studio's server and draw nothing.

What a browser itself needs of a machine (drawing, audio) is left out, so that the server's part can be measured with as many
people as are asked for.
"""

import asyncio
import contextlib
import json
from typing import Any, Self
from urllib.parse import urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

__all__ = ["Client"]

_LANES = ("vocals", "drums", "bass", "other")


class Client:
    """One person's page: what it shows is forgotten, but for what can be clicked.

    Parameters
    ----------
    url : str
        The server's.
    query : dict
        The page's query, as in a shared link.
    """

    def __init__(self, url: str, query: dict[str, str]) -> None:
        self.url, self.query = url, query
        self.errors: list[str] = []
        self.buttons: dict[str, str] = {}
        self._widgets: dict[str, WidgetState] = {}
        self._panels = self._mixer = self._desk = ""
        self._repeated: dict[str, asyncio.Task[None]] = {}
        self._finished = asyncio.Event()

    async def __aenter__(self) -> Self:
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket = await websockets.connect(address, subprotocols=["streamlit"], max_size=None, origin=self.url)  # type: ignore[arg-type, list-item]
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (*self._repeated.values(), self._reader):
            task.cancel()
        await self._socket.close()

    async def open(self) -> None:
        """Open the page, and wait until the mixer is there."""
        await self._send()
        while not (self._mixer and self._panels):
            await asyncio.sleep(0.02)
            self._check()

    async def move(self, decibels: float) -> None:
        """Tell what the mixer tells after a slider was moved, and wait for the answer."""
        lane = {"left": decibels, "right": decibels, "linked": True, "mute": False, "solo": False}
        mix = {
            "song": self.query.get("song", "demo"),
            "revision": 0,
            "gains": {name: {**lane, "left": 0, "right": 0} for name in _LANES} | {"vocals": lane},
            "master_db": 0,
            "limiter": True,
            "hear": "remix",
            "match_loudness": False,
            "simulation": "off",
        }
        await self._ask(WidgetState(id=self._mixer, json_value=json.dumps({"mix": mix})))

    async def look_at(self, panel: str) -> None:
        """Choose a panel of the desk, and wait for what is in it."""
        state = WidgetState(id=self._panels)
        state.string_array_value.data.append(panel)
        await self._ask(state)

    async def press(self, label: str) -> bool:
        """Press a button of the desk; False if there is none of that label."""
        if label not in self.buttons:
            return False
        await self._ask(WidgetState(id=self.buttons[label], trigger_value=True), keep=False)
        return True

    async def _ask(self, state: WidgetState, *, keep: bool = True) -> None:
        if keep:
            self._widgets[state.id] = state
        self._finished.clear()
        await self._send(self._desk, also=() if keep else (state,))
        while not self._finished.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._finished.wait(), 1.0)
            self._check()

    def _check(self) -> None:
        """Raise what has ended the reading, if it has ended."""
        if self._reader.done():
            self._reader.result()
            raise ConnectionError("The server has closed the connection.")

    async def _send(self, fragment: str = "", *, also: tuple[WidgetState, ...] = (), repeated: bool = False) -> None:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string = urlencode(self.query)
        rerun.fragment_id = fragment
        rerun.is_auto_rerun = repeated
        rerun.widget_states.widgets.extend((*self._widgets.values(), *also))
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        shown: set[str] = set()
        async for data in self._socket:
            message: Any = ForwardMsg()
            message.ParseFromString(data)
            kind = message.WhichOneof("type")
            if kind == "delta":
                if (
                    not message.delta.fragment_id and "" not in shown
                ):  # a run of the whole page repeats what it still wants
                    self._stop(list(self._repeated))
                shown.add(message.delta.fragment_id)
                self._see(message.delta)
            elif kind == "auto_rerun":
                self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            elif kind == "stop_auto_rerun":
                self._stop(list(message.stop_auto_rerun.fragment_ids))
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                # What was sent before is all there, though the word that its own run has ended may be left out: while a
                # session is not read, Streamlit keeps the last such word only.
                if self._desk in shown or "" in shown:
                    self._finished.set()
                shown.clear()

    def _see(self, delta: Any) -> None:
        if delta.WhichOneof("type") == "new_element":
            element = delta.new_element
            kind = element.WhichOneof("type")
            if kind == "bidi_component" and element.bidi_component.id.endswith("-mixer"):
                self._mixer = element.bidi_component.id
            elif kind == "button_group" and element.button_group.id.endswith("-desk_panel"):
                self._panels, self._desk = element.button_group.id, delta.fragment_id
            elif kind == "button":
                self.buttons[element.button.label] = element.button.id
            elif kind == "exception" or (kind == "alert" and element.alert.format == element.alert.ERROR):
                self.errors.append(str(element)[:300])

    def _repeat(self, fragment: str, seconds: float) -> None:
        async def again() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self._send(fragment, repeated=True)

        self._stop([fragment])
        self._repeated[fragment] = asyncio.create_task(again())

    def _stop(self, fragments: list[str]) -> None:
        for fragment in fragments:
            if task := self._repeated.pop(fragment, None):
                task.cancel()
