// What Google Vision and AWS Rekognition make of their settings; tests/e2e/test_cloud_google.py and
// test_cloud_aws.py hold the rest against stand-ins.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cloud/provider_private.h"

static struct provider *create_aws(const char *base_url, const char *region) {
    struct provider_options options = {.kind = PROVIDER_AWS_REKOGNITION,
                                       .base_url = base_url,
                                       .api_key = "secret",
                                       .access_key_id = "AKIDEXAMPLE",
                                       .region = region};
    struct error err = {0};
    struct provider *provider = provider_create(&options, &err);
    if (provider == NULL) fail_msg("%s", err.text);
    return provider;
}

static void the_region_makes_the_address(void **state) {
    (void)state;
    struct provider *provider = create_aws(NULL, "eu-central-1");
    assert_string_equal(provider->base_url, "https://rekognition.eu-central-1.amazonaws.com");
    provider_destroy(provider);
}

static void a_given_address_stays(void **state) {
    (void)state;
    struct provider *provider = create_aws("https://example.org/aws/", "eu-central-1");
    assert_string_equal(provider->base_url, "https://example.org/aws");
    provider_destroy(provider);
}

static void each_takes_pictures_of_its_sizes(void **state) {
    (void)state;
    struct provider_options options = {.kind = PROVIDER_GOOGLE_VISION, .api_key = "key"};
    struct provider *google = provider_create(&options, NULL);
    struct provider *aws = create_aws(NULL, "us-east-1");
    assert_string_equal(google->base_url, "https://vision.googleapis.com");
    assert_int_equal(provider_max_side(google), 1024);
    assert_int_equal(provider_max_side(aws), 1024);
    assert_null(provider_objection(google, 1, 1));
    assert_null(provider_objection(aws, 80, 80));
    assert_non_null(provider_objection(aws, 79, 80));
    assert_non_null(provider_objection(aws, 80, 79));
    provider_destroy(google);
    provider_destroy(aws);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_region_makes_the_address),
        cmocka_unit_test(a_given_address_stays),
        cmocka_unit_test(each_takes_pictures_of_its_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
