"""The dashboards that ship, read for the tests."""
import json

from server_process import ROOT

FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
PATHS = sorted(FOLDER.glob("*.json"))
NAMES = [path.stem for path in PATHS]


def dashboard(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def panels(name):
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]


def variable_values(board):
    """For each variable of the board, the values to try."""
    values = {"instance": [".*"], "__rate_interval": ["1m"]}
    for variable in board["templating"]["list"]:
        if variable["type"] == "custom":
            values[variable["name"]] = [option["value"] for option in variable["options"]]
    return values


def queries(name):
    """(title of the panel, query with its variables replaced), …; once for each value of one."""
    board = dashboard(name)
    values = variable_values(board)
    found = []
    for panel in panels(name):
        for target in panel["targets"]:
            expressions = [target["expr"]]
            for variable, choices in values.items():
                expressions = [each.replace(f"${variable}", choice)
                               for each in expressions for choice in choices]
            found += [(panel["title"], each) for each in dict.fromkeys(expressions)]
    return found
