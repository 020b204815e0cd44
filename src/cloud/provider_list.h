// The kinds of cloud providers, once: settings, receipts, metrics and /costs use these names.
//
//   PROVIDER(id, name, base address or NULL where the user must give one)
//
// Included where the list is needed, with PROVIDER defined.
PROVIDER(OPENROUTER, "openrouter", "https://openrouter.ai/api/v1")
PROVIDER(OPENAI, "openai", "https://api.openai.com/v1")
PROVIDER(OPENAI_COMPATIBLE, "openai_compatible", NULL)
PROVIDER(GOOGLE_VISION, "google_vision", "https://vision.googleapis.com")
PROVIDER(AWS_REKOGNITION, "aws_rekognition", NULL)
PROVIDER(IMGROUTER, "imgrouter", NULL)
PROVIDER(FAKE, "fake", "")
