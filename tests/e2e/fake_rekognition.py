"""A server that stands in for AWS Rekognition's DetectLabels. It computes the signature of every
request again with botocore, AWS's own library, and holds requests, and its own answers that are not
wrong on purpose, against botocore's description of the service. Stricter than the real one: headers
and fields that the program has no reason to send are refused, every header must be signed that AWS
wants signed, and a picture must have no metadata and be no larger than it needs to be."""
import base64
import datetime
import hmac
import json
import re

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.loaders
import botocore.model
import botocore.validate
from cloud_stand_in import Answer, StandIn, Wrong, check_headers, check_jpeg, check_unknown

MAX_SIDE, MIN_SIDE = 1024, 80
MAX_PICTURE = 5 * 1024 * 1024
HEADERS = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length",
           "authorization", "x-amz-date", "x-amz-target", "x-amz-security-token",
           "expect"}  # of bodies over 1 MB; see fetch_trusted.c
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})")
CLOCK_ERROR = datetime.timedelta(minutes=5)
SERVICE = botocore.model.ServiceModel(
    botocore.loaders.Loader().load_service_model("rekognition", "service-2"))
DETECT_LABELS = SERVICE.operation_model("DetectLabels")
# Of every service, so not in this one's description.
COMMON_ERRORS = {"UnrecognizedClientException", "InvalidSignatureException",
                 "IncompleteSignatureException", "ExpiredTokenException",
                 "MissingAuthenticationTokenException", "SerializationException",
                 "ValidationException", "ServiceUnavailable", "LimitExceededException"}


# Answers

def label(name, confidence, parents=(), instances=()):
    box = {"Width": 0.25, "Height": 0.5, "Left": 0.125, "Top": 0.0}
    return {"Name": name, "Confidence": confidence,
            "Instances": [{"BoundingBox": box, "Confidence": each} for each in instances],
            "Parents": [{"Name": each} for each in parents],
            "Aliases": [], "Categories": [{"Name": "Animals and Pets"}]}


def labelled(*labels):
    return Answer(body={"Labels": [label(*each) for each in labels], "LabelModelVersion": "3.0"})


def dog_in_a_park():
    return labelled(
        ("Grass", 99.5, ("Plant",)), ("Plant", 99.5), ("Animal", 98.0), ("Canine", 98.0, ("Animal",
         "Mammal")), ("Mammal", 98.0, ("Animal",)), ("Pet", 98.0, ("Animal",)),
        ("Dog", 98.0, ("Animal", "Canine", "Mammal", "Pet"), (97.5,)),
        ("Person", 95.0, (), (95.0, 71.0, 40.0)), ("Outdoors", 75.0),
        ("Golden Retriever", 70.0, ("Animal", "Canine", "Dog", "Mammal", "Pet")))


def refusal(kind, message="No.", status=400, headers=None, body=None):
    return Answer(status=status, headers=headers or {},
                  body={"__type": kind, "message": message} if body is None else body)


def bare(kind):
    """The name of an error without its namespace and address."""
    return kind.split("#")[-1].split(":")[0]


# What requests and answers must be

def check_shape(value, shape, where):
    """What botocore's own validation leaves out: unknown fields, bounds and names of lists."""
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            raise Wrong(f"{where} is no structure")
        check_unknown(value, shape.members, where)
        for name, each in value.items():
            check_shape(each, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list":
        for each in value:
            check_shape(each, shape.member, where)
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        raise Wrong(f"{where} is {value}")
    elif shape.type_name in ("float", "integer"):
        if value > shape.metadata.get("max", value):
            raise Wrong(f"{where} is {value}")


def check_against(value, shape, where):
    report = botocore.validate.ParamValidator().validate(value, shape)
    if report.has_errors():
        raise Wrong(f"{where}: {report.generate_report()}")
    check_shape(value, shape, where)


class FakeRekognition(StandIn):
    def __init__(self, key_id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                 token=None, region="us-east-1"):
        self.key_id = key_id
        self.secret = secret
        self.token = token
        self.region = region
        self.clock_error = datetime.timedelta()
        super().__init__()

    def success(self):
        return dog_in_a_park()

    def error_body(self, wrong):
        return {"__type": wrong.name or "ValidationException", "message": str(wrong)}

    def check_request(self, handler, text):
        headers = handler.headers
        if (handler.command, handler.path) != ("POST", "/"):
            raise Wrong(f"there is no {handler.command} {handler.path}", 404,
                        "UnknownOperationException")
        check_headers(headers, HEADERS)
        if headers.get("Host") != self.host:
            raise Wrong(f"Host is {headers.get('Host')}")
        if headers.get("Content-Type") != "application/x-amz-json-1.1":
            raise Wrong(f"the body is called {headers.get('Content-Type')}")
        if headers.get("X-Amz-Target") != "RekognitionService.DetectLabels":
            raise Wrong(f"the target is {headers.get('X-Amz-Target')}")
        self.check_signature(handler, text)
        return self.check_body(text)

    def check_signature(self, handler, text):
        headers = handler.headers
        match = AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
        if match is None:
            raise Wrong("Authorization is not in the form of signature version 4", 400,
                        "IncompleteSignatureException")
        key_id, day, region, service, signed, signature = match.groups()
        signed = signed.split(";")
        if key_id != self.key_id or headers.get("X-Amz-Security-Token") != self.token:
            raise Wrong("The security token included in the request is invalid.", 400,
                        "UnrecognizedClientException")
        if (region, service) != (self.region, "rekognition"):
            raise Wrong(f"Credential should be scoped to a valid region, not {region} {service}",
                        400, "InvalidSignatureException")
        date = headers.get("X-Amz-Date", "")
        try:
            sent = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
        except ValueError as error:
            raise Wrong(f"X-Amz-Date is {date}", 400, "IncompleteSignatureException") from error
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + self.clock_error
        if date[:8] != day or abs(now - sent) > CLOCK_ERROR:
            raise Wrong(f"Signature expired: {date}", 400, "InvalidSignatureException")
        # Host, what is called x-amz-, and what says how the body is to be read.
        wanted = {name.lower() for name in headers
                  if name.lower().startswith("x-amz-")} | {"host", "content-type"}
        if signed != sorted(set(signed)) or not wanted <= set(signed):
            raise Wrong(f"There were headers present in the request which were not signed: "
                        f"{sorted(wanted - set(signed))}", 403, "InvalidSignatureException")
        request = botocore.awsrequest.AWSRequest(
            method=handler.command, url=self.url + handler.path, data=text,
            headers={name: headers[name] for name in signed})
        request.context["timestamp"] = date
        signer = botocore.auth.SigV4Auth(
            botocore.credentials.Credentials(self.key_id, self.secret), service, region)
        canonical = signer.canonical_request(request)
        computed = signer.signature(signer.string_to_sign(request, canonical), request)
        if not hmac.compare_digest(computed, signature):
            raise Wrong("The request signature we calculated does not match the signature you "
                        f"provided. The Canonical String should have been {canonical}", 400,
                        "InvalidSignatureException")

    def check_body(self, text):
        try:
            body = json.loads(text)
            data = base64.b64decode(body["Image"]["Bytes"], validate=True)
        except (ValueError, KeyError, TypeError) as error:
            raise Wrong(f"{error!r}", 400, "SerializationException") from error
        # In JSON, blobs are base64; the description is of the bytes.
        read = {**body, "Image": {**body["Image"], "Bytes": data}}
        check_against(read, DETECT_LABELS.input_shape, "the request")
        if (body.get("MaxLabels"), body.get("MinConfidence")) != (20, 55):
            raise Wrong("MaxLabels or MinConfidence is not as it was agreed")
        if body.get("Features") != ["GENERAL_LABELS"]:  # the other feature costs as much again
            raise Wrong(f"the features are {body.get('Features')}")
        if len(data) > MAX_PICTURE:
            raise Wrong("Image size exceeds the limit", 400, "ImageTooLargeException")
        check_jpeg(data, MAX_SIDE, MIN_SIDE)
        return body

    def check_answer(self, answer):
        try:
            if answer.status == 200:
                check_against(answer.body, DETECT_LABELS.output_shape, "the answer")
                return
            kinds = {shape.name for shape in DETECT_LABELS.error_shapes} | COMMON_ERRORS
            check_unknown([bare(answer.body["__type"])], kinds, "types of errors")
        except (Wrong, KeyError) as problem:
            self.complain(f"the stand-in's own answer: {problem!r}")
